package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// An executor on which attempts of one task after the other fail, and none ends
// well between them, is set aside for a while: its disk is full, its clock or
// its libraries are wrong. Failures of user code count only when the task went
// well elsewhere. What runs there goes on, and its map outputs stay.

const (
	// maxStrikes failures in a row, of different tasks, set an executor aside.
	maxStrikes = 4
	// probation is how long it is set aside; it doubles each time that no attempt
	// ended well since the last, up to maxProbation.
	probation    = 30 * time.Second
	maxProbation = 10 * time.Minute
)

// blames reports whether a failure of this kind is the fault of the place where
// it happened, whatever the task. An attempt that is lost with its process, or
// that runs out of memory, may owe that to the user's code: see blame.
func blames(k fault.Kind) bool { return k == fault.Transient || k == fault.Disk }

// blame counts the failures for which a task was charged against the executors
// where it failed: it went well on e.
func (c *Core) blame(t *task, e *executor) {
	if t.past == nil {
		return
	}
	for i := range t.past.places {
		pl := &t.past.places[i]
		if pl.doubtful && pl.exec != e {
			c.strike(pl.exec, t)
		}
		pl.doubtful = false
	}
}

// strike counts a failure of a task against an executor.
func (c *Core) strike(e *executor, t *task) {
	if !e.live || e.aside > 0 || e.struck == t.id() && e.struckJob == t.job().id {
		return
	}
	e.strikes++
	e.struck, e.struckJob = t.id(), t.job().id
	if e.strikes < maxStrikes || c.usable < 2 || !e.usable() || !c.mayTurnAway() {
		return
	}
	if c.plant != plantUseAside {
		c.retire(e)
	}
	e.aside = c.now + min(probation<<min(e.setbacks, 10), maxProbation)
	e.setbacks++
	c.watchAside(e)
	c.emit(SetAside{Executor: e.id, Failures: e.strikes, Until: e.aside})
}

// mayTurnAway reports whether one more executor can be set aside: one, and up to
// half of them. When more of them fail it is something that they share, and those
// that are left have it too.
func (c *Core) mayTurnAway() bool {
	live, aside := 0, 0
	for _, e := range c.order {
		if !e.live {
			continue
		}
		live++
		if e.aside > 0 {
			aside++
		}
	}
	return aside == 0 || 2*(aside+1) <= live
}

// watchAside sets the timer that ends an executor's probation. Its place among
// others is the same after a restart.
func (c *Core) watchAside(e *executor) {
	c.timers.push(timer{at: e.aside, seq: -e.seq, exec: e})
}

// absolve forgets what was held against an executor: an attempt ended well.
func (e *executor) absolve() {
	if e.strikes = 0; e.aside == 0 {
		e.setbacks = 0
	}
	e.struck, e.struckJob = plan.TaskID{}, plan.JobID{}
}

// comeBack ends an executor's probation.
func (c *Core) comeBack(e *executor) {
	e.aside, e.strikes = 0, 0
	e.struck, e.struckJob = plan.TaskID{}, plan.JobID{}
	c.enlist(e)
	c.emit(Reinstated{Executor: e.id})
}

// recall ends all probations when no other executor is left: one that fails
// often is better than none.
func (c *Core) recall() {
	if c.usable > 0 {
		return
	}
	for _, e := range c.order {
		if e.live && e.aside > 0 && !e.low {
			c.comeBack(e)
		}
	}
}

// enlist takes an executor's slots into the sums.
func (c *Core) enlist(e *executor) {
	if !e.usable() || c.plant == plantNeverBack && e.setbacks > 0 {
		return
	}
	c.slots += e.slots
	c.freeSlots += e.free()
	c.usable++
	if e.free() > 0 {
		c.free.push(e)
	}
}
