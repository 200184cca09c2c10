package schedule

import "github.com/sheafdata/sheaf/internal/plan"

// backup reports whether a launch is that of a backup, and judges it.
func (c *checker) backup(l Launch) bool {
	id, n := l.Assignment.Attempt, 0
	for s, ids := range c.running {
		for other := range ids {
			if other.Job != id.Job || other.Task != id.Task || c.attempts[other].void {
				continue
			}
			n++
			if st := c.stageOf(id); st == nil || s == l.Session || st.Promise == plan.Indeterminate || c.w.core.cfg.BackupAfter == 0 {
				c.w.fail("attempts %v and %v run at once", id, other)
			}
		}
	}
	if n > 1 {
		c.w.fail("attempt %v is launched beside %d others", id, n)
	}
	c.tally.backups += n
	return n > 0
}

// voidOthers says that other running attempts of a winner's task do not count.
func (c *checker) voidOthers(winner plan.AttemptID) {
	for _, ids := range c.running {
		for id := range ids {
			if id.Job == winner.Job && id.Task == winner.Task && !c.attempts[id].void {
				c.tally.overtaken++
				c.void(id)
			}
		}
	}
}

func (c *checker) void(id plan.AttemptID) {
	c.attempts[id].void = true
	c.active[id.Job]--
}

// runningOf is how many attempts of a job hold a slot.
func (c *checker) runningOf(job plan.JobID) (n int) {
	for _, ids := range c.running {
		for id := range ids {
			if id.Job == job {
				n++
			}
		}
	}
	return n
}

// othersUsable reports whether an executor beside these takes attempts.
func (c *checker) othersUsable(these map[plan.ExecutorID]bool) bool {
	for e, s := range c.sessions {
		if !these[e] && !c.draining[s] && !c.low[s] && c.aside[e] <= c.w.now {
			return true
		}
	}
	return false
}
