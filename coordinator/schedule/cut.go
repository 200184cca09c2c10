package schedule

import (
	"slices"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// cut is a way between two executors that did not work: reader could not reach
// what holder has.
type cut struct {
	reader, holder *executor
	until          time.Duration
}

const (
	// cutLasts is how long tasks keep away from a reader that is cut off from
	// what they need.
	cutLasts = 5 * time.Minute
	// maxCuts bounds what is remembered; the oldest goes first.
	maxCuts = 256
)

// triesAgain decides whether a task that could not reach the output of producer
// from e in x, or got damaged bytes of it, shall read it once more before it is made
// again: it may be the way between the two that is broken, and a new output costs
// a task. What could not be reached is tried from elsewhere. When the second try
// fails too, it is the output.
func (c *Core) triesAgain(consumer *task, x *exchange, e *executor, producer *task, ev *AttemptFailed) bool {
	holder, unreachable := producer.exec, ev.Failure.Kind == fault.Unreachable
	if !unreachable && ev.Failure.Kind != fault.Corrupt || holder == e || c.plant == plantRemakeUnreached {
		return false
	}
	p := consumer.history()
	if p.again != 0 && p.again != ev.Attempt.Number || unreachable && c.usable < 2 {
		return false
	}
	if p.again = ev.Attempt.Number; !unreachable {
		return true
	}
	if !c.noteCut(e, holder) {
		return true
	}
	c.giveUp(x, holder)
	return false
}

// noteCut remembers that reader could not reach what holder has, and reports
// whether another one could not either: then it is not the way.
func (c *Core) noteCut(reader, holder *executor) bool {
	c.dropCuts()
	c.cuts = slices.DeleteFunc(c.cuts, func(old cut) bool { return old.reader == reader && old.holder == holder })
	if slices.ContainsFunc(c.cuts, func(old cut) bool { return old.holder == holder }) {
		c.forgetCuts(holder)
		return true
	}
	if len(c.cuts) == maxCuts {
		c.cuts = slices.Delete(c.cuts, 0, 1)
	}
	c.cuts = append(c.cuts, cut{reader, holder, c.now + cutLasts})
	return false
}

// giveUp has all outputs of an exchange made again that an executor holds, which
// nobody reaches: one by one would cost an attempt of a reader each.
func (c *Core) giveUp(x *exchange, holder *executor) {
	for _, p := range x.producers {
		for i := range p.tasks {
			if t := &p.tasks[i]; t.state == done && t.exec == holder && t.loseOutputs() {
				t.history().failedOn(holder)
				c.strike(holder, t)
			}
		}
		c.repair(p)
	}
}

// dropCuts forgets what is old.
func (c *Core) dropCuts() {
	c.cuts = slices.DeleteFunc(c.cuts, func(x cut) bool { return x.until <= c.now })
}

// forgetCuts forgets the ways to and from an executor.
func (c *Core) forgetCuts(e *executor) {
	c.cuts = slices.DeleteFunc(c.cuts, func(x cut) bool { return x.reader == e || x.holder == e })
}

// cutOff lists the executors from which a task's input was out of reach.
func (c *Core) cutOff(t *task) (readers []*executor) {
	if len(c.cuts) == 0 || !t.stage.launchable() {
		return nil
	}
	c.dropCuts()
	for _, x := range c.cuts {
		held := slices.ContainsFunc(t.stage.inputs(), func(in *exchange) bool { return in.heldBy(x.holder) })
		if held && !slices.Contains(readers, x.reader) {
			readers = append(readers, x.reader)
		}
	}
	return readers
}

// heldBy reports whether an executor holds outputs of a readable exchange.
func (x *exchange) heldBy(e *executor) bool {
	x.allOutputs()
	return x.holders[e]
}
