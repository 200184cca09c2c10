package schedule

import (
	"cmp"
	"slices"
)

// parkGroup is tasks that are closed to the same executors and found all
// others busy. They are grouped so that a freed slot costs a look at each
// group, not at each task.
type parkGroup struct {
	closed []*executor // in order of their first joining
	tasks  []*task     // first in, first out
}

// choose picks an executor with a free slot: one that holds much of the task's
// input and where the task never failed, else one where it never failed, else one
// where it failed less than maxFailuresOn times and found room, else any if all
// are closed to it. It returns nil when the task should wait for a busy one.
func (c *Core) choose(t *task) *executor {
	shut := c.cutOff(t)
	if c.plant != plantStayFull {
		shut = append(shut, t.past.fullOn()...)
	}
	if e := c.nearest(t); e != nil && !slices.Contains(shut, e) {
		return e
	}
	if len(shut) == 0 && (t.past == nil || len(t.past.places) == 0) {
		return c.free.top()
	}
	var best, second *executor
	var seen []*executor
	for best == nil && c.free.len() > 0 {
		e := c.free.pop()
		seen = append(seen, e)
		switch n := t.past.failuresOn(e); {
		case slices.Contains(shut, e):
		case n == 0:
			best = e
		case n < maxFailuresOn && second == nil:
			second = e
		}
	}
	for _, e := range seen {
		c.free.push(e)
	}
	switch {
	case best != nil:
		return best
	case second != nil:
		return second
	case c.allClosed(c.closedTo(t)):
		return c.free.top()
	}
	return nil
}

// closedTo lists the executors that a task does not go to: it failed there, found
// the disks full, or was cut off from its input.
func (c *Core) closedTo(t *task) []*executor {
	out := append(c.cutOff(t), t.past.fullOn()...)
	if t.past != nil {
		for _, pl := range t.past.places {
			if pl.failures >= maxFailuresOn {
				out = append(out, pl.exec)
			}
		}
	}
	slices.SortFunc(out, func(a, b *executor) int { return cmp.Compare(a.seq, b.seq) })
	return slices.Compact(out)
}

// allClosed reports whether every live executor with slots is in closed.
func (c *Core) allClosed(closed []*executor) bool {
	n := 0
	for _, e := range closed {
		if e.usable() {
			n++
		}
	}
	return n == c.usable
}

func (c *Core) park(t *task) {
	t.state = parked
	closed := c.closedTo(t)
	for _, g := range c.parked {
		if slices.Equal(g.closed, closed) {
			g.tasks = append(g.tasks, t)
			return
		}
	}
	c.parked = append(c.parked, &parkGroup{closed: closed, tasks: []*task{t}})
}

// wakeParked queues parked tasks for which there is a slot now, no more of
// them than there are slots.
func (c *Core) wakeParked() {
	if c.free.len() == 0 || len(c.parked) == 0 {
		return
	}
	for _, g := range c.parked {
		if !c.openTo(g) {
			continue
		}
		for n := c.freeSlots; n > 0 && len(g.tasks) > 0; {
			t := g.tasks[0]
			g.tasks = g.tasks[1:]
			if !t.wanted() {
				continue
			}
			c.requeue(t)
			if t.state == ready { // else its input is gone, and it takes no slot
				n--
			}
		}
	}
	c.parked = slices.DeleteFunc(c.parked, func(g *parkGroup) bool { return len(g.tasks) == 0 })
}

// openTo reports whether some free executor would take a task of the group.
func (c *Core) openTo(g *parkGroup) bool {
	// Among one more executor than are closed, one is not.
	for _, e := range c.free.items[:min(c.free.len(), len(g.closed)+1)] {
		if !slices.Contains(g.closed, e) {
			return true
		}
	}
	return c.allClosed(g.closed)
}
