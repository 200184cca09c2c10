package schedule

import "github.com/sheafdata/sheaf/internal/plan"

// Pack cuts and groups the splits of a source into tasks. The splits of all
// tasks, in order, are the input in order, without what is empty.
//
// The target of a task is the input divided by slots × TasksPerSlot, at least
// 1 MiB and at most SplitBytes (more only where a stage would pass a million
// tasks). Neighbours are packed together up to the target, each with 64 KiB on
// top for being opened. What is Cuttable and above the target by a quarter, or
// above SplitBytes, is cut into equal pieces of at most the target, at
// multiples of Align after its Offset. In sources without a Path, Length
// counts rows; a row stands for 1 KiB.
func Pack(files []plan.Split, slots int, cfg Config) [][]plan.Split {
	cfg = cfg.withDefaults()
	var total int64
	for _, f := range files {
		total = addBytes(total, weight(f))
	}
	target := clampTarget(total, slots, cfg.TasksPerSlot, cfg.SplitBytes)
	p := packer{target: target}
	for _, f := range files {
		if f.Length > 0 {
			p.cut(f, cfg.SplitBytes)
		}
	}
	p.close()
	return p.tasks
}

// clampTarget is total spread over slots × perSlot, at least minTaskBytes, at
// most limit, but never so small that there are more than maxTasks.
func clampTarget(total int64, slots, perSlot int, limit int64) int64 {
	target := total / int64(max(slots, 1)) / int64(perSlot)
	target = min(max(target, minTaskBytes), limit)
	return max(target, total/maxTasks+1)
}

// weight is what reading a split costs, in bytes.
func weight(s plan.Split) int64 {
	if s.Path == "" {
		return scale(s.Length, rowBytes)
	}
	return s.Length
}

// scale is n × by, stopping at the largest number.
func scale(n, by int64) int64 {
	if n > (1<<63-1)/by {
		return 1<<63 - 1
	}
	return n * by
}

type packer struct {
	target int64
	tasks  [][]plan.Split
	open   []plan.Split // the task being filled
	bytes  int64        // its weight
}

// cut adds a file, in pieces if it is large.
func (p *packer) cut(f plan.Split, limit int64) {
	w := weight(f)
	if !f.Cuttable || w <= p.target+p.target/4 && w <= max(limit, p.target) {
		p.add(f)
		return
	}
	unit := max(f.Align, 1)
	units := (f.Length-1)/unit + 1 // the last may be short
	most := p.target / unit
	if f.Path == "" {
		most = p.target / rowBytes / unit
	}
	// The bound counts only for sizes beyond what a weight can tell.
	pieces := min((units-1)/max(most, 1)+1, maxTasks)
	rest, at := units, int64(0)
	for i := pieces; i > 0; i-- {
		n := (rest + i - 1) / i
		rest -= n
		piece := f
		piece.Offset = f.Offset + at
		piece.Length = f.Length - at
		if rest > 0 {
			piece.Length = n * unit
		}
		at += piece.Length
		p.add(piece)
	}
}

// add puts a split into the open task, or into a new one when that is full.
func (p *packer) add(s plan.Split) {
	w := addBytes(weight(s), openBytes)
	if len(p.open) > 0 && addBytes(p.bytes, w) > p.target {
		p.close()
	}
	p.open = append(p.open, s)
	p.bytes = addBytes(p.bytes, w)
}

func (p *packer) close() {
	if len(p.open) > 0 {
		p.tasks = append(p.tasks, p.open)
	}
	p.open, p.bytes = nil, 0
}
