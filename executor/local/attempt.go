package local

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/shuffle"
)

// attempt is one attempt that runs.
type attempt struct {
	cancel context.CancelFunc
	read   shuffle.Count
}

// ending is how an attempt ended.
type ending struct {
	id     plan.AttemptID
	result plan.Result
	err    error
}

// launch runs an assignment in a goroutine of its own.
func (e *engine) launch(a plan.Assignment) {
	ctx, cancel := context.WithCancel(context.Background())
	at := &attempt{cancel: cancel}
	e.running[a.Attempt] = at
	task.Start(func() (plan.Result, error) { return e.runtime.Run(ctx, &a, &at.read) }, func(result plan.Result, err error) {
		cancel()
		e.ended <- ending{a.Attempt, result, err}
	})
}

// attemptEnded tells the core.
func (e *engine) attemptEnded(end ending) {
	delete(e.running, end.id)
	for _, rows := range end.result.Rows {
		for _, b := range rows.Blocks {
			e.collected += int64(len(b))
		}
	}
	if end.err == nil && e.collected > operator.CollectLimitBytes {
		end.err = operator.CollectTooLarge(e.collected)
	}
	if end.err == nil {
		e.step(schedule.AttemptFinished{At: e.now(), Executor: executorID, Session: session, Attempt: end.id, Result: end.result})
		return
	}
	failure, before := fault.ReportOf(end.err), e.ending()
	e.step(schedule.AttemptFailed{
		At: e.now(), Executor: executorID, Session: session, Attempt: end.id,
		Failure: failure, Unreadable: shuffle.Unreadable(end.err),
	})
	if !before && e.ending() {
		failure.Message = fmt.Sprintf("task %v: %s", end.id.Task, failure.Message)
		e.failure = &failure
	}
}

// states translates the core's job states for people.
var states = map[schedule.State]string{
	schedule.Running: progress.Running, schedule.Publishing: progress.Committing,
	schedule.Ending: progress.Running, schedule.Discarding: progress.Running,
	schedule.Done: progress.Done, schedule.Failed: progress.Failed,
}

// watch shows how far the job is.
func (e *engine) watch() {
	if e.options.Watch == nil {
		return
	}
	p, ok := e.core.Progress(e.job)
	if !ok {
		return
	}
	snap := progress.Snapshot{
		Job: e.job.String(), Name: e.runtime.Graph.Plan.Name, State: states[p.State], Elapsed: e.now(),
		Stages: make([]progress.Stage, len(p.Stages)), Counters: p.Counters, Joins: p.Joins, HotKeys: p.HotKeys,
	}
	if fault.KindOf(e.err) == fault.Canceled {
		snap.State = progress.Canceled
	}
	for i, s := range p.Stages {
		snap.Stages[i] = progress.Stage{
			Name: s.Name, Known: s.Known, Tasks: s.Tasks, Running: s.Running, Done: s.Done, Failed: s.Failed,
			BytesTotal: s.Bytes, Bytes: s.Figures.BytesIn, Rows: s.Figures.RowsIn,
			Started: s.Done+s.Running+s.Failed > 0, Ended: s.Known && s.Done == s.Tasks,
		}
	}
	for id, at := range e.running {
		if i := int(id.Task.Stage); i >= 0 && i < len(snap.Stages) {
			snap.Stages[i].Bytes += at.read.Bytes.Load()
			snap.Stages[i].Rows += at.read.Rows.Load()
		}
	}
	e.options.Watch(snap)
}
