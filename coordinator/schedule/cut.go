package schedule

import (
	"slices"
	"time"
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

// moves decides whether a task that could not reach the output of producer from
// e shall try from elsewhere, instead of having the output made again: it may be
// the way between the two that is broken, and a new output costs a task. A task
// moves once: when it does not reach its input then either, it is the output.
func (c *Core) moves(consumer *task, number int, e *executor, producer *task) bool {
	holder := producer.exec
	if holder == e || c.plant == plantRemakeUnreached {
		return false
	}
	p := consumer.history()
	if p.moved != 0 && p.moved != number || c.usable < 2 {
		return false
	}
	p.moved = number
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
	if len(c.cuts) == 0 || t.stage.input == nil {
		return
	}
	c.dropCuts()
	for _, x := range c.cuts {
		if t.stage.input.heldBy(x.holder) {
			t.history().closeTo(x.reader)
		}
	}
}

// heldBy reports whether an executor holds outputs of the exchange.
func (x *exchange) heldBy(e *executor) bool {
	for _, p := range x.producers {
		for i := range p.tasks {
			if t := &p.tasks[i]; t.state == done && t.exec == e {
				return true
			}
		}
	}
	return false
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
