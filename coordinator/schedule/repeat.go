package schedule

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Content says which rows a map output holds, as far as two of them can be
// compared.
type Content struct {
	RowDigest string `json:"digest,omitempty"` // see plan.MapOutput; empty where unknown
	Rows      int64  `json:"rows,omitempty"`
	Partial   bool   `json:"partial,omitempty"`
}

// Former is a winner that does not count any more.
type Former struct {
	Number  int       `json:"n"`
	Epoch   uint32    `json:"ep,omitempty"`
	Content []Content `json:"content,omitempty"` // in the order of the stage's exchanges
}

// maxDiffered bounds how often repeated tasks of a stage may give other rows
// from the same input: each time, everything behind them is done again.
const maxDiffered = 8

// repeated compares the rows of a task's new winner with those of the one
// before it. Tasks that read other rows before are done again: a result must
// not come half from the ones and half from the others. It reports false when it
// ended the job.
func (c *Core) repeated(t *task) bool {
	if t.past == nil || t.past.before == nil {
		return true
	}
	old := t.past.before
	t.past.before = nil
	if c.plant == plantTrustRepeats {
		return true
	}
	var stale []*stage
	blamed := false
	for i, x := range t.stage.outputs {
		var was, is Content
		if i < len(old.Content) && i < len(t.outcome.content) {
			was, is = old.Content[i], t.outcome.content[i]
		}
		if t.stage.plan.Promise == plan.Indeterminate {
			stale = append(stale, x.readers...)
			continue
		}
		if was.same(is) {
			continue
		}
		if x.form != Broadcast || c.plant != plantForgetSide {
			stale = append(stale, x.readers...)
		}
		if sameInput := old.Epoch == t.epoch || c.plant == plantBlameInput; !blamed && sameInput && was.comparable(is) {
			if blamed = true; c.differed(t, old, was, is) {
				return false
			}
		}
	}
	for _, s := range stale {
		c.rollBack(s, t)
	}
	return true
}

// same reports whether two outputs are known to hold the same rows.
func (a Content) same(b Content) bool {
	return a.RowDigest != "" && a.RowDigest == b.RowDigest && a.Rows == b.Rows
}

// comparable reports whether two outputs of one task that are not the same show
// that its functions do not repeat themselves.
func (a Content) comparable(b Content) bool {
	return a.RowDigest != "" && b.RowDigest != "" && !a.Partial && !b.Partial
}

// differed counts a task that gave other rows from the same input. It reports
// whether that ends the job.
func (c *Core) differed(t *task, old *Former, was, is Content) bool {
	s := t.stage
	s.differed++
	promised := s.plan.Promise == plan.Deterministic
	if !promised && s.differed <= maxDiffered {
		return false
	}
	why := fmt.Sprintf("that happened %d times in this stage, and each time all that follows was done again", s.differed)
	if promised {
		why = fmt.Sprintf("%s is declared deterministic", s.plan.PromiseAt)
	}
	c.fail(t, fault.Report{Kind: fault.User, Message: fmt.Sprintf(
		"gave other rows when it was done again, after its map output was lost (attempt %d: %d rows, digest %.8s; attempt %d: %d rows, digest %.8s), and %s; "+
			"its functions must give the same rows for the same input: look for the time, random numbers without a fixed seed, the order of a map, or state that outlives a row (%s)",
		old.Number, was.Rows, was.RowDigest, t.number, is.Rows, is.RowDigest, why, s.plan.Name)})
	return true
}

// rollBack makes the tasks of a stage that have begun with older input do their
// work again, because a repeated task gave other rows.
func (c *Core) rollBack(s *stage, because *task) {
	if !s.known {
		return
	}
	var undone, canceled []*task
	for i := range s.tasks {
		switch t := &s.tasks[i]; {
		case t.state == done:
			undone = append(undone, t)
		case t.state == running && !t.void():
			canceled = append(canceled, t)
		}
	}
	begun := len(undone) + len(canceled)
	for _, t := range canceled[:len(canceled):len(canceled)] {
		if w := t.twin; w != nil && !w.void() {
			canceled = append(canceled, w)
		}
	}
	if c.plant != plantRollBackDone {
		s.epoch++ // of those to be repeated too: they will not have the same input
	}
	if begun == 0 {
		return
	}
	c.emit(RolledBack{Job: s.job.id, Stage: s.id, Tasks: begun, Because: because.id()})
	if c.plant != plantRollBackDone {
		for _, t := range canceled {
			c.emit(Cancel{Executor: t.exec.id, Session: t.session, Attempt: t.attempt()})
		}
	}
	if s.complete() {
		s.job.left++
	}
	s.settled, s.lost = false, nil
	for _, t := range undone {
		t.undo()
	}
	c.reviveInputs(s)
	for _, t := range undone {
		c.requeue(t)
	}
}

// reviveInputs makes what a stage's tasks will read again.
func (c *Core) reviveInputs(s *stage) {
	for _, x := range s.inputs() {
		if x == s.input || c.plant != plantSideGone {
			c.revive(x)
		}
	}
}

// revive makes what an exchange's consumer will read again, as far as it is gone.
func (c *Core) revive(x *exchange) {
	for _, p := range x.producers {
		if p.settled && c.plant != plantShallowRollBack {
			p.settled = false
			for i := range p.tasks {
				t := &p.tasks[i]
				if !t.staged() || // else it was kept: see releaseOutputs
					!t.exec.live || t.exec.session != t.session {
					t.loseOutputs()
				}
			}
		}
		c.repair(p)
	}
}
