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
// from e, or got damaged bytes of it, shall read it once more before it is made
// again: it may be the way between the two that is broken, and a new output costs
// a task. What could not be reached is tried from elsewhere. When the second try
// fails too, it is the output.
func (c *Core) triesAgain(consumer *task, e *executor, producer *task, ev *AttemptFailed) bool {
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
	c.dropCuts()
	c.cuts = slices.DeleteFunc(c.cuts, func(old cut) bool { return old.reader == e && old.holder == holder })
	if len(c.cuts) == maxCuts {
		c.cuts = slices.Delete(c.cuts, 0, 1)
	}
	c.cuts = append(c.cuts, cut{e, holder, c.now + cutLasts})
	return true
}

// dropCuts forgets what is old.
func (c *Core) dropCuts() {
	c.cuts = slices.DeleteFunc(c.cuts, func(x cut) bool { return x.until <= c.now })
}

// avoidCuts closes a task to executors that could not reach what it needs.
func (c *Core) avoidCuts(t *task) {
	if len(c.cuts) == 0 || t.stage.input == nil || !t.stage.launchable() {
		return
	}
	c.dropCuts()
	for _, x := range c.cuts {
		if t.stage.input.heldBy(x.holder) {
			t.history().closeTo(x.reader)
		}
	}
}

// heldBy reports whether an executor holds outputs of a readable exchange.
func (x *exchange) heldBy(e *executor) bool {
	x.allOutputs()
	return x.holders[e]
}

// closeTo makes a task go to an executor only if it can go nowhere else.
func (p *past) closeTo(e *executor) {
	for i := range p.places {
		if p.places[i].exec == e {
			p.places[i].closed = true
			return
		}
	}
	p.places = append(p.places, place{exec: e, closed: true})
}
