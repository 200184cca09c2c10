package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// enumerated decides the tasks of a source stage from the splits found.
func (c *Core) enumerated(s *stage, splits []plan.Split) {
	tasks := SourceTasks(splits, c.slots, s.sorts(), c.cfg)
	s.setTasks(len(tasks))
	for i, t := range tasks {
		s.tasks[i].splits = t
		for _, split := range t {
			s.bytes = addBytes(s.bytes, split.Length)
			s.tasks[i].bytes = addBytes(s.tasks[i].bytes, weight(split))
		}
	}
	if s.complete() {
		c.completed(s)
		return
	}
	c.offerFresh(s)
}

// SourceTasks makes the tasks of a source stage by Pack. Those whose rows go to a
// range exchange, and so are sorted, are small enough for that.
func SourceTasks(splits []plan.Split, slots int, sorts bool, cfg Config) [][]plan.Split {
	cfg = cfg.withDefaults()
	if sorts {
		cfg.SplitBytes = sortSplitBytes(splits, cfg)
	}
	return Pack(splits, slots, cfg)
}

// sortSplitBytes is the most input of a task that sorts its rows.
func sortSplitBytes(splits []plan.Split, cfg Config) int64 {
	var total int64
	for _, f := range splits {
		total = addBytes(total, weight(f))
	}
	return min(max(cfg.SortSplitBytes, total/sortTasks), cfg.SplitBytes)
}

// decide gives the consumer of a readable exchange its tasks, from what its
// producers measured.
func (c *Core) decide(x *exchange) {
	s := x.consumer
	s.parts = c.partitions(x)
	s.setTasks(len(s.parts))
	s.bytes = x.bytes
	s.near = x.nearby(s.parts)
	sizes := []int64{}
	if x.plan.Kind == plan.Hash {
		sizes = x.buckets()
	}
	for i, p := range s.parts {
		t := &s.tasks[i]
		if t.bytes = x.bytes / int64(len(s.parts)); len(sizes) > 0 {
			t.bytes = 0
			for _, n := range sizes[p.FirstBucket:p.EndBucket] {
				t.bytes = addBytes(t.bytes, n)
			}
		}
	}
	x.shares, x.shareOf, x.samples = nil, nil, nil
	c.offerFresh(s)
}

// partitions cuts an exchange; there is always at least one partition.
func (c *Core) partitions(x *exchange) []plan.Partition {
	var parts []plan.Partition
	switch cut := x.plan.Cut; {
	case cut.Numbered:
		parts = numbered(x.plan)
	case x.plan.Kind == plan.Hash:
		for _, r := range cutBuckets(x.buckets(), x.bytesFor(cut), c.slots, c.cfg) {
			parts = append(parts, plan.Partition{FirstBucket: r.First, EndBucket: r.End})
		}
		if c.plant == plantShortCut && len(parts) > 1 {
			parts = parts[:len(parts)-1]
		}
	case x.plan.Kind == plan.Range:
		keys := make([][]plan.KeySample, len(x.samples))
		for i, s := range x.samples {
			keys[i] = s.keys
		}
		x.target = clampTarget(x.bytes, c.slots, partitionsPerSlot, c.cfg.PartitionBytes)
		ranges := CutKeys
		if cut.Sequence {
			ranges = func(samples [][]plan.KeySample, slots int, cfg Config) []KeyRange {
				return CutSequence(x.allOutputs(), samples, cut, slots, cfg)
			}
		}
		for _, r := range ranges(keys, c.slots, c.cfg) {
			parts = append(parts, plan.Partition{FromKey: r.From, ToKey: r.To})
		}
	default:
		parts = []plan.Partition{{EndBucket: x.plan.Buckets}}
	}
	for i := range parts {
		parts[i].Exchange, parts[i].Index = x.plan.ID, i
	}
	return parts
}

// completed follows up on a stage whose last task is done.
func (c *Core) completed(s *stage) {
	j := s.job
	j.left--
	for _, x := range slices.Clone(s.outputs) {
		c.advance(x)
	}
	if j.left == 0 {
		c.startPublish(j)
		return
	}
	c.settle(s)
}

// advance follows up on an exchange of which a producer is complete.
func (c *Core) advance(x *exchange) {
	if x.undecided() {
		if allThere(x.side) {
			c.chooseForm(x)
		}
		return
	}
	if x.readable() {
		c.open(x)
	}
}

// open lets the readers of an exchange that became readable begin or go on.
func (c *Core) open(x *exchange) {
	for _, s := range x.readers {
		if s.input == x && !s.known {
			c.decide(x)
			continue
		}
		c.wake(s)
	}
}

// wake lets the tasks of a stage begin or go on, as far as their input is there.
func (c *Core) wake(s *stage) {
	blocked := s.blocked
	s.blocked = nil
	for _, t := range blocked {
		c.requeue(t)
	}
	c.offerFresh(s)
}
