package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// checkBad refuses a result with which a job leaves out more rows than it may.
// What part of all rows is bad is known when the last task of a source commits.
func (c *Core) checkBad(t *task, r *plan.Result) error {
	if t.id().Stage < 0 || t.stage.input != nil {
		return nil
	}
	last := true
	for _, s := range t.job().stages {
		left := len(s.tasks) - s.done
		if s == t.stage {
			left--
		}
		last = last && (s.input != nil || s.known && left == 0)
	}
	return c.tooBad(t.job(), r, last)
}

// tooBad says that a job leaves out more rows than it may, counting a result that
// does not count yet. all says that these are all rows.
func (c *Core) tooBad(j *job, r *plan.Result, all bool) error {
	limit := j.plan.BadLimit
	if limit == nil || c.plant == plantNoBadLimit {
		return nil
	}
	bad, rows := r.Figures.BadRows, r.Figures.SourceRows
	for _, s := range j.stages {
		bad, rows = bad+s.figures.BadRows, rows+s.figures.SourceRows
	}
	if !all {
		rows = -1
	}
	if limit.Allows(bad, rows) {
		return nil
	}
	return fault.Wrap(fault.Invalid, limit.TooMany(bad, rows, append(j.badRows(), r.BadRows...)))
}

// badRows lists some of the rows that were left out, in task order.
func (j *job) badRows() (first []plan.BadRow) {
	for _, s := range j.stages {
		for i := range s.tasks {
			if o := s.tasks[i].outcome; o != nil {
				first = append(first, o.bad...)
			}
			if len(first) >= plan.MaxBadReports {
				return slices.Clip(first)
			}
		}
	}
	return first
}

// ownFile reports whether a task may stage a file for a sink.
func (t *task) ownFile(f *plan.StagedFile) bool {
	if !f.Quarantine {
		return slices.Contains(t.stage.plan.Sinks, f.Sink)
	}
	sink, ok := t.job().plan.QuarantineSink()
	return ok && sink == f.Sink && t.stage.input == nil && t.id().Stage >= 0
}

// staged reports whether a done task has files that are to be published.
func (t *task) staged() bool {
	return len(t.stage.plan.Sinks) > 0 || t.outcome != nil && len(t.outcome.files) > 0
}

// suspected follows up on an attempt whose process ended while user code worked on
// some rows. The first time they are suspects: the next attempt takes them one by
// one, alone in its process. When that ends at one of them, the row is known: the
// attempt after that leaves it out, and nothing is charged for having found it.
// Suspects who were passed cost a fault instead of an attempt. It reports whether
// no more is to follow from the failure.
func (c *Core) suspected(t *task, ev AttemptFailed) bool {
	limit := t.job().plan.BadLimit
	if limit == nil || !t.wanted() || t.id().Stage < 0 || t.stage.input != nil || ev.Working.Split >= len(t.splits) {
		return false
	}
	p := t.history()
	before := p.suspect
	if before != nil && p.accused {
		p.charged--
	}
	if before != nil && ev.Attempt.Number > p.suspectedAt && ev.Working.Rows == 1 && before.Holds(*ev.Working) {
		p.suspect, p.accused = nil, false
		t.stage.failed++
		return c.convicted(t, ev)
	}
	if before != nil && p.accused {
		if p.faults++; p.faults >= c.cfg.MaxFaults {
			ev.Failure.Message = fmt.Sprintf("its process ended %d times, at other rows each time, in the end: %s", p.faults+1, ev.Failure.Message)
			c.fail(t, ev.Failure)
			return true
		}
	}
	p.suspect, p.suspectedAt, p.accused = ev.Working, t.last, ev.Failure.Kind.Charged()
	return false
}

// convicted notes a row that ends processes, and lets the task run without it.
func (c *Core) convicted(t *task, ev AttemptFailed) bool {
	p, limit := t.past, t.job().plan.BadLimit
	row := plan.DeadlyRow{Split: ev.Working.Split, Row: ev.Working.Row, Problem: clip(ev.Failure.Message)}
	at, _ := slices.BinarySearchFunc(p.deadly, row, func(a, b plan.DeadlyRow) int {
		return cmp.Or(cmp.Compare(a.Split, b.Split), cmp.Compare(a.Row, b.Row))
	})
	// Not in place: assignments and copies of the core share the list.
	p.deadly = slices.Insert(slices.Clone(p.deadly), at, row)
	n := int64(len(p.deadly))
	switch {
	case n > plan.MaxDeadlyRows:
		ev.Failure.Message = fmt.Sprintf("%d rows end the process, more than the %d that are left out of a task, in the end: %s", n, plan.MaxDeadlyRows, ev.Failure.Message)
	case limit.Rows > 0 && n > limit.Rows:
		ev.Failure.Message = fmt.Sprintf("%d rows end the process, more than the %d bad ones that MaxBadRows allows, in the end: %s", n, limit.Rows, ev.Failure.Message)
	default:
		c.retry(t, fault.User)
		return true
	}
	ev.Failure.Kind = fault.Invalid
	c.fail(t, ev.Failure)
	return true
}

// clip cuts a text to what is kept of a bad row's problem.
func clip(s string) string {
	if len(s) > plan.MaxBadTextBytes {
		s = s[:plan.MaxBadTextBytes]
	}
	return strings.ToValidUTF8(s, "")
}
