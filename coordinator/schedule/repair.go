package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// loseOutputs marks a done task's map outputs as gone and reports whether that
// is news. The task stays done until somebody needs the outputs.
func (t *task) loseOutputs() bool {
	s := t.stage
	if t.state != done || t.lost || s.settled {
		return false
	}
	t.lost = true
	s.lost = append(s.lost, t)
	for _, x := range s.outputs {
		x.outputs = nil
	}
	return true
}

// repair re-runs the tasks of a stage whose map outputs are gone, if any
// consumer still needs them, and whatever those need in turn.
func (c *Core) repair(s *stage) {
	if len(s.lost) == 0 || !s.needed() || s.job.state != Running {
		return
	}
	if s.complete() {
		s.job.left++
	}
	gone := s.lost
	s.lost = nil
	slices.SortFunc(gone, compareTasks)
	for _, t := range gone {
		if c.plant == plantCountUndone {
			t.outcome.figures.Counters = nil
		}
		t.undo()
	}
	if c.plant != plantShallowRepair {
		c.reviveInputs(s)
	}
	for _, t := range gone {
		c.requeue(t)
	}
}

// undo makes a done task undone. Its staged files go with its outputs: the
// next winner stages its own, so that one attempt stands for all of a task.
func (t *task) undo() {
	s := t.stage
	t.history().before = &Former{Epoch: t.epoch, Number: t.number, Content: t.outcome.content}
	s.done--
	s.figures.Add(negative(t.outcome.figures))
	s.job.collected -= blockBytes(t.outcome.rows)
	t.lost, t.outcome, t.state = false, nil, blocked
	p := t.history()
	p.superseded = append(p.superseded, t.number)
	s.stale = append(s.stale, held{exec: t.exec, session: t.session, attempt: t.attempt()})
}

func negative(f plan.Figures) plan.Figures {
	return plan.Figures{
		RowsIn: -f.RowsIn, BytesIn: -f.BytesIn, RowsOut: -f.RowsOut, BytesOut: -f.BytesOut,
		ShuffleBytes: -f.ShuffleBytes, SpilledBytes: -f.SpilledBytes,
		SourceRows: -f.SourceRows, SourceBytes: -f.SourceBytes, SinkRows: -f.SinkRows, BadRows: -f.BadRows,
		Counters: negatives(f.Counters),
	}
}

func negatives(counters []int64) []int64 {
	out := make([]int64, len(counters))
	for i, n := range counters {
		out[i] = -n
	}
	return out
}

// settle releases the map outputs of stages that nobody will read again. A
// complete consumer is not enough: it may have to run again when its own map
// outputs are lost. So a stage is settled when it is complete and all its
// consumers are settled, which begins at the stages without consumers.
func (c *Core) settle(s *stage) {
	if s.settled || !s.complete() {
		return
	}
	for _, x := range s.outputs {
		for _, r := range x.readers {
			if !r.settled && (r == x.consumer || c.plant != plantReleaseSide) {
				return
			}
		}
	}
	s.settled = true
	c.releaseOutputs(s)
	for _, x := range s.inputs() {
		for _, p := range x.producers {
			c.settle(p)
		}
	}
}

// releaseOutputs lets executors delete what a settled stage wrote. A stage
// that also writes sinks keeps its winners until the job ends, and so does a
// task that left rows out: their staged files are to be published.
func (c *Core) releaseOutputs(s *stage) {
	if len(s.outputs) == 0 {
		return
	}
	old := s.stale
	s.stale = nil
	for i := range s.tasks {
		if t := &s.tasks[i]; !t.staged() {
			old = append(old, held{exec: t.exec, session: t.session, attempt: t.attempt()})
		}
	}
	byExecutor := make(map[*executor][]plan.AttemptID)
	for _, h := range old {
		if h.exec.live && h.exec.session == h.session {
			byExecutor[h.exec] = append(byExecutor[h.exec], h.attempt)
		}
	}
	for _, e := range c.order {
		if attempts := byExecutor[e]; len(attempts) > 0 {
			c.emit(Release{Executor: e.id, Session: e.session, Attempts: attempts})
		}
	}
}
