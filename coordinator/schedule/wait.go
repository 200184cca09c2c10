package schedule

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Waiting says in a line for people why a job does not go on as fast as it
// might, or is empty.
func (c *Core) Waiting(id plan.JobID) string {
	j := c.jobs[id]
	if j == nil || j.over() {
		return ""
	}
	switch {
	case len(j.running) > 0:
		return j.waitingWhileRunning()
	case c.usable == 0:
		return c.withoutExecutors()
	case c.driverWaits(j):
		return fmt.Sprintf("every executor runs %d drivers, which is the limit", maxDrivers)
	case j.state == Discarding:
		return "what it staged waits for its removal"
	case j.hasWork() && c.free.len() == 0:
		return c.allBusy(j)
	}
	return c.afterFailures(j)
}

// driverWaits reports whether a driver of a job waits for an executor.
func (c *Core) driverWaits(j *job) bool {
	for _, t := range c.drivers {
		if t.job() == j && t.state == ready {
			return true
		}
	}
	return false
}

// waitingWhileRunning words what holds a job back of which something runs.
func (j *job) waitingWhileRunning() string {
	switch {
	case j.state != Running || j.drives:
		return ""
	case j.listing():
		return "its input is being listed"
	case j.full() && j.hasWork():
		return fmt.Sprintf("%d of its attempts run, which is its limit", len(j.running))
	}
	return ""
}

// listing reports whether nothing but the listing of inputs can run.
func (j *job) listing() bool {
	for _, s := range j.stages {
		if s.known {
			return false
		}
	}
	return true
}

func (c *Core) withoutExecutors() string {
	live, draining, low := 0, 0, 0
	for _, e := range c.order {
		switch {
		case !e.live:
			continue
		case e.draining:
			draining++
		case e.low:
			low++
		}
		live++
	}
	switch {
	case len(c.order) == 0:
		return "no executor has joined yet"
	case live == 0:
		return "no executor is left"
	case low > 0 && draining > 0:
		return fmt.Sprintf("every executor is low on disk space or being drained: free space on the machines that `sheaf nodes` names (%d)", low)
	case low > 0:
		return fmt.Sprintf("every executor is low on disk space: free space on the machines that `sheaf nodes` names (%d)", low)
	case draining > 0:
		return "every executor is being drained"
	}
	return "no executor has slots"
}

// allBusy words how the slots are taken.
func (c *Core) allBusy(j *job) string {
	higher, alike := 0, 0
	for _, other := range c.live {
		switch {
		case other.priority > j.priority:
			higher += len(other.running)
		case other != j:
			alike += len(other.running)
		}
	}
	switch {
	case higher > 0 && alike == 0:
		return fmt.Sprintf("all slots (%d) are busy with jobs of higher priority", c.slots)
	case higher > 0:
		return fmt.Sprintf("all slots (%d) are busy, %d with jobs of higher priority", c.slots, higher)
	}
	return fmt.Sprintf("all slots (%d) are busy with other jobs", c.slots)
}

// afterFailures words the wait of tasks that failed.
func (c *Core) afterFailures(j *job) string {
	for _, g := range c.parked {
		for _, t := range g.tasks {
			if t.job() == j {
				return fmt.Sprintf("task %v failed on every executor that has a free slot", t.id())
			}
		}
	}
	n := 0
	for _, t := range c.timers.items {
		if t.exec == nil && t.valid() && !t.backup && t.task.job() == j {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("what failed is tried again in a little while (tasks: %d)", n)
	}
	return ""
}
