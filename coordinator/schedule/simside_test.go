package schedule

import (
	"math/rand/v2"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// A join of the model multiplies: each row that passes meets all of the side. So
// the side's outputs hold their sum in every cell, and a consumer that reads some
// cells, or a task that joins some rows, gets its share of the product.

// addSides lets some exchanges broadcast a part of their producers.
func (j *simJob) addSides(r *rand.Rand) {
	waits := plan.NewWaits(&j.plan)
	for i := range j.plan.Exchanges {
		x := &j.plan.Exchanges[i]
		for tries := r.IntN(4); tries > 0 && x.Side == nil; tries-- {
			var side []plan.StageID
			for _, p := range x.Producers {
				if r.IntN(2) == 0 {
					side = append(side, p)
				}
			}
			if waits.Add(x, side) {
				x.Side = &plan.Side{Producers: side, LimitBytes: r.Int64N(16 * mib), RowBytes: r.Int64N(3), Pinned: r.IntN(4) == 0, At: "job.go:1"}
			}
		}
	}
}

// isSide reports whether a stage gives the side of an exchange.
func isSide(x *plan.Exchange, s plan.StageID) bool {
	return x.Side != nil && slices.Contains(x.Side.Producers, s)
}

// readBy is what all tasks of an exchange's consumer read together.
func (j *simJob) readBy(x *plan.Exchange, stage []sum) sum {
	var passing, side sum
	for _, p := range x.Producers {
		if isSide(x, p) {
			side += stage[p]
		} else {
			passing += stage[p]
		}
	}
	if x.Side == nil {
		return passing
	}
	return passing * side
}

// readCells is what a task of an exchange's consumer reads of its cells.
func readCells(x *plan.Exchange, p *plan.Partition, outs []*simOutput, first, end int) (total sum) {
	if len(outs) < len(p.Outputs) {
		return 0 // some are missing, and the attempt fails
	}
	for c := first; c < end; c++ {
		var passing, side sum
		for _, out := range outs {
			if out.side {
				side += out.cells[c]
			} else {
				passing += out.cells[c]
			}
		}
		if x.Side != nil {
			passing *= side
		}
		total += passing
	}
	return total
}

// emission is what a task writes.
type emission struct {
	exchanges map[plan.ExchangeID]sum
	sinks     map[plan.SinkID]sum
	counted   sum
	side      map[plan.ExchangeID]bool // that it writes as one who gives the side
}

// emits follows what a task has read to where it goes, joined with the sides that
// it was given.
func (j *simJob) emits(s plan.StageID, total sum, sides map[plan.ExchangeID]sum) *emission {
	e := &emission{exchanges: map[plan.ExchangeID]sum{}, sinks: map[plan.SinkID]sum{}, side: map[plan.ExchangeID]bool{}}
	var follow func(s plan.StageID, total sum)
	follow = func(s plan.StageID, total sum) {
		st := &j.plan.Stages[s]
		e.counted += total
		for _, x := range st.Exchanges {
			side, joins := sides[x]
			if joins && !isSide(&j.plan.Exchanges[x], s) {
				follow(j.plan.Exchanges[x].Consumer, total*side)
				continue
			}
			e.exchanges[x] += total
			e.side[x] = isSide(&j.plan.Exchanges[x], s)
		}
		for _, k := range st.Sinks {
			e.sinks[k] += total
		}
	}
	follow(s, total)
	return e
}

type jobExchange struct {
	job      plan.JobID
	exchange plan.ExchangeID
}

// stageOf is the stage of an attempt as it writes now: with the ends of joins
// whose sides are broadcast to it.
func (c *checker) stageOf(id plan.AttemptID) *plan.Stage {
	if id.Task.Stage < 0 {
		return nil
	}
	return c.stageNow(c.w.jobs[id.Job], id.Task.Stage)
}

func (c *checker) stageNow(j *simJob, id plan.StageID) *plan.Stage {
	st := &j.plan.Stages[id]
	passes := func(x plan.ExchangeID) bool {
		return c.forms[jobExchange{j.id, x}] == Broadcast && !isSide(&j.plan.Exchanges[x], id)
	}
	if !slices.ContainsFunc(st.Exchanges, passes) {
		return st
	}
	now := *st
	now.Exchanges, now.Sinks = nil, slices.Clone(st.Sinks)
	for _, x := range st.Exchanges {
		if !passes(x) {
			now.Exchanges = append(now.Exchanges, x)
			continue
		}
		more := c.stageNow(j, j.plan.Exchanges[x].Consumer)
		now.Exchanges, now.Sinks = append(now.Exchanges, more.Exchanges...), append(now.Sinks, more.Sinks...)
		if more.Promise == plan.Indeterminate {
			now.Promise = more.Promise
		}
	}
	return &now
}

// producersNow lists the stages whose outputs the readers of an exchange get.
func (c *checker) producersNow(j *simJob, x *plan.Exchange) (all []plan.StageID) {
	broadcast := c.forms[jobExchange{j.id, x.ID}] == Broadcast
	for _, p := range x.Producers {
		if !broadcast || isSide(x, p) {
			all = append(all, c.standingFor(j, p)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// standingFor lists the stages that do the work of a stage: itself, or those to
// which what it would read is broadcast.
func (c *checker) standingFor(j *simJob, s plan.StageID) (all []plan.StageID) {
	in := j.plan.Stages[s].Exchange
	if in == nil || c.forms[jobExchange{j.id, *in}] != Broadcast {
		return []plan.StageID{s}
	}
	x := &j.plan.Exchanges[*in]
	for _, p := range x.Producers {
		if !isSide(x, p) {
			all = append(all, c.standingFor(j, p)...)
		}
	}
	return all
}

// noteForms learns from a launch how joins run: always the same way, and not
// before the side is complete.
func (c *checker) noteForms(as plan.Assignment) {
	j := c.w.jobs[as.Attempt.Job]
	given := map[plan.ExchangeID]bool{}
	for _, p := range as.Sides {
		given[p.Exchange] = true
	}
	if as.Partition != nil {
		c.noteForm(j, as, as.Partition.Exchange, Sorted)
	}
	var follow func(s plan.StageID)
	follow = func(s plan.StageID) {
		for _, id := range j.plan.Stages[s].Exchanges {
			x := &j.plan.Exchanges[id]
			switch {
			case x.Side == nil || isSide(x, s):
			case given[id]:
				c.noteForm(j, as, id, Broadcast)
				follow(x.Consumer)
			default:
				c.noteForm(j, as, id, Sorted)
			}
		}
	}
	follow(as.Attempt.Task.Stage)
	for _, p := range as.Sides {
		if c.forms[jobExchange{j.id, p.Exchange}] != Broadcast {
			c.w.fail("attempt %v gets side %d, which it has no use for", as.Attempt, p.Exchange)
		}
	}
}

func (c *checker) noteForm(j *simJob, as plan.Assignment, id plan.ExchangeID, form Form) {
	x := &j.plan.Exchanges[id]
	if x.Side == nil {
		return
	}
	key := jobExchange{j.id, id}
	switch old := c.forms[key]; {
	case old == Undecided:
		c.forms[key] = form
		c.tally.forms[form]++
	case old != form:
		c.w.fail("attempt %v takes exchange %d as %s, which is %s", as.Attempt, id, form, old)
	}
	if x.Side.Pinned && form != Broadcast {
		c.w.fail("attempt %v takes exchange %d as %s, which is pinned", as.Attempt, id, form)
	}
	for _, side := range x.Side.Producers {
		for _, p := range c.standingFor(j, side) {
			for i := range c.tasks[j.id][p] {
				if _, ok := c.committed[taskKey{j.id, plan.TaskID{Stage: p, Index: i}}]; !ok {
					c.w.fail("attempt %v begins before side %d is complete: task %d/%d is not", as.Attempt, id, p, i)
				}
			}
		}
	}
}
