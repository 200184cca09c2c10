package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Session is a live session of an executor.
type Session struct {
	Executor plan.ExecutorID
	Session  plan.SessionID
	Slots    int
	Running  int // attempts that hold a slot
	Draining bool
	Low      bool // on disk space
	Aside    int  // failures for which it is set aside; 0 if it is not
}

// Sessions returns the live sessions, in the order in which their executors
// first joined.
func (c *Core) Sessions() []Session {
	var out []Session
	for _, e := range c.order {
		if e.live {
			out = append(out, e.describe())
		}
	}
	return out
}

// Session returns the live session of an executor.
func (c *Core) Session(id plan.ExecutorID) (Session, bool) {
	e := c.executors[id]
	if e == nil || !e.live {
		return Session{}, false
	}
	return e.describe(), true
}

func (e *executor) describe() Session {
	return Session{
		Executor: e.id, Session: e.session, Slots: e.slots, Running: e.slots - e.free(), Draining: e.draining, Low: e.low, Aside: e.failuresAside(),
	}
}

// Ended reports whether a session of an executor is known to be over. Only the
// last few are remembered.
func (c *Core) Ended(id plan.ExecutorID, session plan.SessionID) bool {
	e := c.executors[id]
	return e != nil && slices.Contains(e.ended, session)
}

// Running returns the attempts that run in a session, in task order.
func (c *Core) Running(id plan.ExecutorID, session plan.SessionID) []plan.AttemptID {
	e := c.alive(id, session)
	if e == nil {
		return nil
	}
	tasks := slices.Clone(e.running)
	slices.SortFunc(tasks, compareTasks)
	var out []plan.AttemptID
	for _, t := range tasks {
		out = append(out, t.attempt())
	}
	return out
}

// Runs reports whether an attempt runs in a session.
func (c *Core) Runs(id plan.ExecutorID, session plan.SessionID, attempt plan.AttemptID) bool {
	e := c.alive(id, session)
	t := c.current(e, attempt)
	return t != nil && t.session == session
}

// Canceled reports whether an attempt that runs was canceled.
func (c *Core) Canceled(attempt plan.AttemptID) bool {
	j := c.jobs[attempt.Job]
	if j == nil || j.state == Ending {
		return j != nil
	}
	if j.over() {
		return false
	}
	t := j.find(attempt.Task)
	if t != nil && t.twin != nil && t.twin.number == attempt.Number {
		t = t.twin
	}
	return t != nil && t.state == running && t.number == attempt.Number && (t.canceled || t.void())
}

// Canceling reports whether a job is on its way to its end because somebody asked
// for that.
func (c *Core) Canceling(id plan.JobID) bool {
	j := c.jobs[id]
	return j != nil && (j.state == Ending || j.state == Discarding) && j.failure.Canceled
}

// Lives reports whether a job is known and not over.
func (c *Core) Lives(id plan.JobID) bool {
	j := c.jobs[id]
	return j != nil && !j.over()
}

// LiveJobs returns how many jobs are not over.
func (c *Core) LiveJobs() int { return len(c.live) }

// Keeps reports whether somebody may still need what an attempt wrote.
func (c *Core) Keeps(id plan.AttemptID) bool {
	j := c.jobs[id.Job]
	if j == nil || j.over() {
		return false
	}
	t := j.find(id.Task)
	switch {
	case t == nil:
		return false
	case t.twin != nil && t.twin.number == id.Number:
		return true
	case t.stage.settled:
		return t.state == done && t.number == id.Number && t.staged()
	case t.state == done && t.number == id.Number, t.state == running && t.number == id.Number:
		return true
	}
	return t.past != nil && slices.Contains(t.past.superseded, id.Number)
}

// Drives reports whether an attempt runs in a session and is that of a driver.
func (c *Core) Drives(id plan.ExecutorID, session plan.SessionID, attempt plan.AttemptID) bool {
	t := c.current(c.alive(id, session), attempt)
	return t != nil && t.session == session && t.drives() && t.stage.id >= 0
}

// failuresAside is how many failures set the executor aside, 0 if it is not.
func (e *executor) failuresAside() int {
	if e.aside == 0 {
		return 0
	}
	return e.strikes
}
