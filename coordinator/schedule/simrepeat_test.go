package schedule

import (
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// sameCells reports whether two attempts of a task wrote the same rows.
func (c *checker) sameCells(a, b plan.AttemptID) bool {
	for _, x := range c.stageOf(a).Exchanges {
		if !slices.Equal(c.cells[plan.OutputID{Attempt: a, Exchange: x}], c.cells[plan.OutputID{Attempt: b, Exchange: x}]) {
			return false
		}
	}
	return true
}

// rolledBack judges a roll-back: somebody in the stage must have read another
// attempt than the one that counts now, and must not count any more.
func (c *checker) rolledBack(r RolledBack) {
	c.tally.rollBacks++
	began := func(id plan.AttemptID) bool { return id.Job == r.Job && id.Task.Stage == r.Stage }
	tasks, stale := 0, false
	look := func(id plan.AttemptID) {
		for o := range c.attempts[id].input {
			stale = stale || o.Attempt.Task == r.Because && o.Attempt != c.committed[taskKey{r.Job, r.Because}]
		}
	}
	for _, id := range c.committed {
		if began(id) {
			look(id)
		}
		if began(id) && c.valid[id] {
			if !c.released[id] && !c.doubtful[id] { // else it may have been undone before, with nobody reading it
				tasks++
			}
			delete(c.valid, id)
		}
	}
	for _, ids := range c.running {
		for id := range ids {
			if a := c.attempts[id]; began(id) && !a.void {
				look(id)
				if !a.backup {
					tasks++
				}
				c.void(id)
			}
		}
	}
	if !stale || tasks > r.Tasks {
		c.w.fail("roll-back of %d tasks of stage %d because of %v: %d had begun, with older input: %t", r.Tasks, r.Stage, r.Because, tasks, stale)
	}
}

// blamed reports whether a job may fail because a task gave other rows.
func (c *checker) blamed(f JobFailed) bool {
	if !strings.Contains(f.Failure.Message, "gave other rows") {
		return false
	}
	j := c.w.jobs[f.Job]
	n := c.differed[jobStage{f.Job, f.Task.Stage}]
	if !j.varies[f.Task.Stage] || n <= maxDiffered {
		c.w.fail("job %v blames %v, whose stage varies: %t, %d times: %s", f.Job.Short(), f.Task, j.varies[f.Task.Stage], n, f.Failure.Message)
	}
	return true
}

// gone reports whether an output is given up that an attempt could not read.
// One that could not be reached, or of which damaged bytes came, is read once more.
func (c *checker) gone(ev AttemptFailed, o plan.OutputID) bool {
	unreachable := ev.Failure.Kind == fault.Unreachable
	if !unreachable && ev.Failure.Kind != fault.Corrupt || c.attempts[o.Attempt].exec == ev.Executor || unreachable && c.w.core.usable < 2 {
		return true
	}
	if c.committed[taskKey{ev.Attempt.Job, o.Attempt.Task}] != o.Attempt || !c.valid[o.Attempt] {
		return true // it was before
	}
	key := taskKey{ev.Attempt.Job, ev.Attempt.Task}
	if unreachable {
		c.outOfReach(ev.Executor, c.attempts[o.Attempt].exec)
	}
	if c.doubtful[o.Attempt] { // whether this was the task's first try, nobody can tell
		c.unsure[key] = true
	}
	if c.unsure[key] {
		c.doubtful[o.Attempt] = true
		return false
	}
	first, tried := c.unreached[key]
	if !tried {
		c.unreached[key] = ev.Attempt.Number
	}
	return tried && first != ev.Attempt.Number
}

// outOfReach notes a way that did not work. What an executor holds may be given up
// as a whole when a second one does not reach it either.
func (c *checker) outOfReach(reader, holder plan.ExecutorID) {
	if c.readers[holder] == nil {
		c.readers[holder] = map[plan.ExecutorID]bool{}
	}
	if c.readers[holder][reader] = true; len(c.readers[holder]) < 2 {
		return
	}
	for id, a := range c.attempts {
		if a.exec == holder {
			c.doubtful[id] = true
		}
	}
}
