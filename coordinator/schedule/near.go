package schedule

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// nearShare is the part of its input (one in so many) that an executor must
	// hold for a task to prefer it: rows that lie everywhere are nowhere near, and
	// choosing among such executors would only unbalance them.
	nearShare = 4
	// nearBytes is the least input that is worth a preference: less is fetched in
	// the time that a wrong choice of slots costs.
	nearBytes = 1 << 20
	// maxShareCells bounds what is counted by executor and bucket of one exchange:
	// 8 bytes each. Executors beyond it share one count and are never near.
	maxShareCells = 1 << 22
)

// share is what one executor holds of an exchange, by bucket.
type share struct {
	exec    *executor // nil for all that were not told apart
	session plan.SessionID
	buckets []int64
}

func (s *share) addBuckets(sizes []int64) {
	for b, n := range sizes {
		s.buckets[b] = addBytes(s.buckets[b], n)
	}
}

// share returns the count for an executor.
func (x *exchange) share(e *executor) *share {
	if s := x.shareOf[e]; s != nil && s.session == e.session {
		return s
	}
	if (len(x.shares)+1)*x.plan.Buckets > maxShareCells {
		e = nil
		if s := x.shareOf[nil]; s != nil {
			return s
		}
	}
	s := &share{exec: e, buckets: make([]int64, x.plan.Buckets)}
	if e != nil {
		s.session = e.session
	}
	if x.shareOf == nil {
		x.shareOf = make(map[*executor]*share)
	}
	x.shareOf[e] = s
	x.shares = append(x.shares, s)
	return s
}

// buckets sums the shares; without any it is all zeros.
func (x *exchange) buckets() []int64 {
	sum := share{buckets: make([]int64, x.plan.Buckets)}
	for _, s := range x.shares {
		sum.addBuckets(s.buckets)
	}
	return sum.buckets
}

// nearby is an executor that holds much of a partition, as long as its session
// lasts.
type nearby struct {
	exec    *executor
	session plan.SessionID
}

// holding is what an executor holds of a partition.
type holding struct {
	nearby
	bytes int64
}

// nearby lists for each partition who holds much of it, most first. What is
// computed again elsewhere later on does not change it: it is a preference.
func (x *exchange) nearby(parts []plan.Partition) [][]nearby {
	holdings, total := make([][]holding, len(parts)), make([]int64, len(parts))
	add := func(part int, e *executor, session plan.SessionID, bytes int64) {
		total[part] = addBytes(total[part], bytes)
		if e == nil || bytes <= 0 {
			return
		}
		of := holdings[part]
		if last := len(of) - 1; last >= 0 && of[last].exec == e && of[last].session == session {
			of[last].bytes = addBytes(of[last].bytes, bytes)
			return
		}
		holdings[part] = append(of, holding{nearby{e, session}, bytes})
	}
	if x.plan.Kind == plan.Range {
		x.eachSample(parts, add)
	} else {
		for _, s := range x.shares {
			for i, p := range parts {
				add(i, s.exec, s.session, sumBytes(s.buckets[p.FirstBucket:p.EndBucket]))
			}
		}
	}
	near := make([][]nearby, len(parts))
	for i, of := range holdings {
		near[i] = most(of, total[i])
	}
	return near
}

func sumBytes(sizes []int64) (sum int64) {
	for _, n := range sizes {
		sum = addBytes(sum, n)
	}
	return sum
}

// eachSample gives the bytes before each sample to the partition they lie in, one
// executor after the other.
func (x *exchange) eachSample(parts []plan.Partition, add func(part int, e *executor, session plan.SessionID, bytes int64)) {
	sorted := slices.Clone(x.samples)
	slices.SortStableFunc(sorted, func(a, b samples) int { return cmp.Compare(a.exec.seq, b.exec.seq) })
	for _, of := range sorted {
		part := 0
		for _, k := range of.keys {
			// Bytes before a key that begins a partition lie in the one before it.
			for part+1 < len(parts) && bytes.Compare(k.Key, parts[part].ToKey) > 0 {
				part++
			}
			add(part, of.exec, of.session, k.Bytes)
		}
	}
}

// most returns those that hold a good part of a partition.
func most(of []holding, total int64) []nearby {
	of = slices.DeleteFunc(of, func(h holding) bool { return h.bytes < max(nearBytes, total/nearShare) })
	slices.SortFunc(of, func(a, b holding) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.exec.seq, b.exec.seq))
	})
	var near []nearby
	for _, h := range of[:min(len(of), nearShare)] {
		near = append(near, h.nearby)
	}
	return near
}

// nearest returns the executor with a free slot that holds the most of a task's
// input, nil where none holds much or the task has failed on those that do.
func (c *Core) nearest(t *task) *executor {
	s := t.stage
	if s.near == nil {
		return nil
	}
	for _, n := range s.near[t.index] {
		if n.exec.freeIndex < 0 && c.plant != plantNearBusy || n.exec.session != n.session {
			continue
		}
		if t.past == nil || t.past.failuresOn(n.exec) == 0 {
			return n.exec
		}
	}
	return nil
}
