package schedule

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestDeathsAreBounded ends a task's process at another row each time.
func TestDeathsAreBounded(t *testing.T) {
	c := New(Config{})
	c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 1})
	p := plan.Plan{
		Stages:   []plan.Stage{{Source: &plan.Source{Name: "files"}, Sinks: []plan.SinkID{0}}},
		Sinks:    []plan.Sink{{Destination: "out"}},
		BadLimit: &plan.BadLimit{Rows: 1000},
	}
	queue := launches(nil, c.Step(JobSubmitted{Plan: p}))
	queue = launches(nil, c.Step(AttemptFinished{
		Executor: "e", Session: 1, Attempt: queue[0].Assignment.Attempt, Result: plan.Result{Splits: []plan.Split{file("f", 9)}},
	}))
	for n := range int64(10 * DefaultMaxFaults) {
		queue = launches(nil, c.Step(AttemptFailed{
			Executor: "e", Session: 1, Attempt: queue[0].Assignment.Attempt,
			Failure: fault.Report{Kind: fault.User, Message: "died"}, Working: &plan.RowRange{Row: 100 * n, Rows: 10},
		}))
		if len(queue) == 0 || queue[0].Assignment.Work != plan.Run {
			return
		}
	}
	t.Errorf("the task is tried again after %d deaths, want at most %d", 10*DefaultMaxFaults, DefaultMaxFaults+1)
}
