package schedule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// A task that finds no room on the local disks of an executor goes to another
// one, whatever that costs in waiting: more memory or another try does not make
// room. That is no fault of the user's code and uses up none of its attempts, but
// rows that fit on none of so many machines will not fit on one more.

// diskLow stops the use of an executor that is low on disk space, or begins it
// again.
func (c *Core) diskLow(ev DiskLow) {
	e := c.alive(ev.Executor, ev.Session)
	switch {
	case e == nil || e.low == ev.Low:
	case ev.Low:
		if c.plant != plantUseLow {
			c.retire(e)
			e.low = true
		}
	case c.plant != plantStayLow:
		e.low = false
		c.enlist(e)
	}
}

// noteFull notes that a task found no room at a place, and reports whether it is in
// vain to go on: it failed on MaxFullDisks executors, or as often on all there are.
func (c *Core) noteFull(p *past, pl *place) bool {
	pl.full++
	failures, executors := 0, 0
	for _, pl := range p.places {
		if failures += pl.full; pl.full > 0 {
			executors++
		}
	}
	return failures >= c.cfg.MaxFullDisks && (executors >= c.cfg.MaxFullDisks || c.nowhereLeft(p))
}

// nowhereLeft reports whether a task found no room on any executor there is.
func (c *Core) nowhereLeft(p *past) bool {
	return c.usable > 0 && c.allClosed(p.fullOn())
}

// fullOn lists the executors on which a task found no room.
func (p *past) fullOn() (all []*executor) {
	if p == nil {
		return nil
	}
	for _, pl := range p.places {
		if pl.full > 0 {
			all = append(all, pl.exec)
		}
	}
	return all
}

// withoutRoom words the failure of a task that found no room anywhere.
func (p *past) withoutRoom(failure fault.Report) fault.Report {
	failures, names := 0, []string{}
	for _, pl := range p.places {
		if failures += pl.full; pl.full > 0 {
			names = append(names, string(pl.exec.id))
		}
	}
	if failures == 1 {
		return failure
	}
	slices.Sort(names)
	failure.Message = fmt.Sprintf("failed %d times because disks are full, on %s, in the end: %s", failures, strings.Join(names, ", "), failure.Message)
	return failure
}
