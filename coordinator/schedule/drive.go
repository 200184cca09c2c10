package schedule

import (
	"cmp"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// maxDrivers bounds the attempts of drivers on one executor: they take no slot,
// but each is a process.
const maxDrivers = 16

// Drives reports whether a plan is that of a driver: its tasks run other jobs and
// wait for them.
func Drives(p *plan.Plan) bool {
	return len(p.Stages) > 0 && p.Stages[0].Source != nil && p.Stages[0].Source.Drives
}

// drives reports whether the task is of a driver. Then its attempts take no slot,
// also those that list and discard: the jobs that it waits for may hold them all.
func (t *task) drives() bool { return t.job().drives }

// assignDrivers launches what waits among the tasks of drivers.
func (c *Core) assignDrivers() {
	if len(c.drivers) == 0 {
		return
	}
	slices.SortFunc(c.drivers, compareTasks)
	waiting := c.drivers
	c.drivers = nil
	for _, t := range waiting {
		if t.state != ready || !t.wanted() {
			continue
		}
		if e := c.placeDriver(t); e != nil && !t.job().full() {
			c.launch(t, e)
		} else {
			c.drivers = append(c.drivers, t)
		}
	}
}

// placeDriver picks an executor for a driver: one where it failed least, of these
// one with the fewest drivers, then the one that joined first.
func (c *Core) placeDriver(t *task) *executor {
	failures := func(e *executor) int {
		if t.past == nil {
			return 0
		}
		return t.past.failuresOn(e)
	}
	var best *executor
	for _, e := range c.order {
		if !e.usable() || e.drivers >= maxDrivers {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(failures(e), failures(best)), cmp.Compare(e.drivers, best.drivers)) < 0 {
			best = e
		}
	}
	return best
}
