package schedule

import "github.com/sheafdata/sheaf/internal/plan"

// noteFull notes that a task found no room on an executor.
func (c *checker) noteFull(key taskKey, e plan.ExecutorID) {
	if c.full[key] == nil {
		c.full[key] = map[plan.ExecutorID]int{}
	}
	c.full[key][e]++
	c.tally.full++
	if _, left := c.fresh(key); !left {
		c.nowhere[key] = true // the job's end may come much later
	}
}

// launchRoom checks that a task which found no room on an executor does not go back
// there while another one is left that it never saw.
func (c *checker) launchRoom(l Launch) {
	id := l.Assignment.Attempt
	key := taskKey{id.Job, id.Task}
	if f := c.w.faults; c.full[key][l.Executor] > 0 && !f.cut && !f.link {
		if e, ok := c.fresh(key); ok {
			c.w.fail("attempt %v launched on %s, whose disks were full for it, and not on %s", id, l.Executor, e)
		}
	}
	if c.tried[key] == nil {
		c.tried[key] = map[plan.ExecutorID]bool{}
	}
	c.tried[key][l.Executor] = true
}

// fresh names an executor that takes attempts and never had one of a task.
func (c *checker) fresh(key taskKey) (plan.ExecutorID, bool) {
	for _, e := range c.w.execs { // in order, so that a seed says the same each time
		if s := c.sessions[e.id]; s != 0 && !c.low[s] && !c.draining[s] && c.aside[e.id] <= c.w.now && !c.tried[key][e.id] {
			return e.id, true
		}
	}
	return "", false
}

// endsFull judges the end of a job because disks are full: its task found them so
// on as many executors as it has to try, or on all there are.
func (c *checker) endsFull(f JobFailed, key taskKey) {
	failures := 0
	for _, n := range c.full[key] {
		failures += n
	}
	if c.tally.ranFull++; failures < DefaultMaxFullDisks || len(c.full[key]) < DefaultMaxFullDisks && !c.nowhere[key] {
		c.w.fail("job %v failed for want of disk space after %d failures on %d executors: %s", f.Job.Short(), failures, len(c.full[key]), f.Failure.Message)
	}
}
