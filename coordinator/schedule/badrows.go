package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// checkBad refuses a result with which a job leaves out more rows than it may.
// What part of all rows is bad is known when the last task of a source commits.
func (c *Core) checkBad(t *task, r *plan.Result) error {
	j := t.job()
	limit := j.plan.BadLimit
	if limit == nil || t.id().Stage < 0 || t.stage.input != nil {
		return nil
	}
	bad, rows, last := r.Figures.BadRows, r.Figures.SourceRows, true
	for _, s := range j.stages {
		bad, rows = bad+s.figures.BadRows, rows+s.figures.SourceRows
		left := len(s.tasks) - s.done
		if s == t.stage {
			left--
		}
		last = last && (s.input != nil || s.known && left == 0)
	}
	if !last {
		rows = -1
	}
	if c.plant == plantNoBadLimit || limit.Allows(bad, rows) {
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
