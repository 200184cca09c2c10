package schedule

import (
	"cmp"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// A join whose side is small is not sorted: the stages whose rows pass by, the
// passing ones, read the whole side and do the work of the consumer too, which
// has no tasks. That is decided once, when all producers of the side are complete.
// Until then the passing stages wait. What it means is a plan of another shape,
// and the stages are joined up as that plan would be: nothing else in the core
// knows of forms.

// Form is how a join runs.
type Form string

// The forms of a join. Sorted exchanges are the usual ones.
const (
	Undecided Form = ""
	Sorted    Form = "sorted"
	Broadcast Form = "broadcast"
)

// waitsForSide reports whether the stage passes by a side that is not measured yet.
func (s *stage) waitsForSide() bool {
	for _, x := range s.outputs {
		if x.undecided() && !slices.Contains(x.side, s) {
			return true
		}
	}
	return false
}

func (x *exchange) undecided() bool { return x.plan.Side != nil && x.form == Undecided }

// passing lists the producers that pass by the side.
func (x *exchange) passing() []*stage {
	return slices.DeleteFunc(slices.Clone(x.producers), func(s *stage) bool { return slices.Contains(x.side, s) })
}

// measuredSide sums up what the producers of a side, which are complete, have
// written.
func (x *exchange) measuredSide() (rows, memoryBytes int64) {
	for _, s := range x.side {
		at := s.outputIndex(x)
		for i := range s.tasks {
			o := &s.tasks[i].outcome.outputs[at]
			rows = addBytes(rows, o.Rows)
			memoryBytes = addBytes(memoryBytes, x.plan.Side.MemoryBytes(o.Rows, o.RawBytes))
		}
	}
	return rows, memoryBytes
}

// sideLimit is the most that a side may take in memory to be broadcast.
func (c *Core) sideLimit(x *exchange) int64 {
	if limit := c.cfg.SideBytes; limit > 0 {
		return min(limit, x.plan.Side.LimitBytes)
	}
	return x.plan.Side.LimitBytes
}

// chooseForm decides how a join runs whose side is complete.
func (c *Core) chooseForm(x *exchange) {
	x.sideRows, x.sideBytes = x.measuredSide()
	passing := x.passing()
	x.form = Sorted
	if x.plan.Side.Pinned || x.sideBytes <= c.sideLimit(x) {
		x.form = Broadcast
		x.consumer.job.broadcast(x)
	}
	for _, s := range passing {
		if !s.complete() {
			c.wake(s)
			continue
		}
		// It had nothing to do. What it writes is there, and nobody has been told.
		for _, y := range slices.Clone(s.outputs) {
			c.advance(y)
		}
		c.settle(s)
	}
}

// broadcast gives the work of an exchange's consumer, and all that it is joined up
// with, to the stages that pass by the side. Exchanges may be broadcast in any
// order: what comes of it is the same.
func (j *job) broadcast(x *exchange) {
	consumer, passing := x.consumer, x.passing()
	for _, s := range passing {
		s.outputs = leaving(s.outputs, x)
		s.outputs = unite(s.outputs, consumer.outputs, compareExchanges)
		s.sides = unite(s.sides, append([]*exchange{x}, consumer.sides...), compareExchanges)
		s.plan.Sinks = unite(s.plan.Sinks, consumer.plan.Sinks, cmp.Compare[plan.SinkID])
		s.promiseBoth(consumer)
	}
	for _, y := range consumer.outputs {
		y.producers = replaced(y.producers, consumer, passing)
		if slices.Contains(y.side, consumer) {
			y.side = replaced(y.side, consumer, passing)
		}
	}
	for _, y := range consumer.sides {
		y.readers = replaced(y.readers, consumer, passing)
	}
	x.producers, x.readers = x.side, passing
	x.outputs, x.shares, x.shareOf, x.samples = nil, nil, nil, nil
	if !consumer.complete() {
		j.left--
	}
	consumer.setTasks(0)
	consumer.settled = true
	consumer.outputs, consumer.sides, consumer.plan.Sinks = nil, nil, nil
}

// promiseBoth makes a stage's promise one of the other's rows too.
func (s *stage) promiseBoth(other *stage) {
	switch {
	case s.plan.Promise == plan.Indeterminate, s.plan.Promise == other.plan.Promise:
	case other.plan.Promise == plan.Indeterminate:
		s.plan.Promise, s.plan.PromiseAt = other.plan.Promise, other.plan.PromiseAt
	default:
		s.plan.Promise, s.plan.PromiseAt = plan.NoPromise, ""
	}
}

func compareExchanges(a, b *exchange) int { return cmp.Compare(a.plan.ID, b.plan.ID) }

func compareStages(a, b *stage) int { return cmp.Compare(a.id, b.id) }

// leaving returns the list without an element; the list itself stays as it is.
func leaving[T comparable](list []T, leave T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return v == leave })
}

// unite returns the elements of two lists, in order and each once.
func unite[T comparable](a, b []T, compare func(a, b T) int) []T {
	all := append(slices.Clone(a), b...)
	slices.SortFunc(all, compare)
	return slices.Compact(all)
}

// replaced returns stages, in order, with others in the place of one.
func replaced(list []*stage, one *stage, by []*stage) []*stage {
	return unite(leaving(list, one), by, compareStages)
}
