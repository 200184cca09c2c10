package schedule

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestStatePaths: the name of a file need not be text, and a copy of a core must
// read the file of that name.
func TestStatePaths(t *testing.T) {
	const odd = "caf\xe9/part\xff"
	c := New(Config{TasksPerSlot: 1})
	c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 1})
	p := plan.Plan{
		Stages: []plan.Stage{{Source: &plan.Source{}, Sinks: []plan.SinkID{0}}},
		Sinks:  []plan.Sink{{Destination: "out"}},
	}
	listing := c.Step(JobSubmitted{Job: plan.JobID{1}, Plan: p})[0].(Launch)
	first := c.Step(AttemptFinished{
		Executor: "e", Session: 1, Attempt: listing.Assignment.Attempt,
		Result: plan.Result{Splits: []plan.Split{
			{Path: "plain", Length: 64 << 20, Size: 64 << 20}, {Path: odd, Length: 64 << 20, Size: 64 << 20},
		}},
	})[0].(Launch)
	actions := reload(t, c).Step(AttemptFinished{Executor: "e", Session: 1, Attempt: first.Assignment.Attempt})
	if len(actions) != 1 {
		t.Fatalf("Step of a loaded core = %v, want a launch", actions)
	}
	if got := actions[0].(Launch).Assignment.Splits; len(got) != 1 || got[0].Path != odd {
		t.Errorf("a loaded core launches %+v, want the file %q", got, odd)
	}
}

// TestLoadPaths: a path for a split that does not exist is refused.
func TestLoadPaths(t *testing.T) {
	c := New(Config{})
	c.Step(JobSubmitted{Job: plan.JobID{1}, Plan: plan.Plan{
		Stages: []plan.Stage{{Source: &plan.Source{}, Sinks: []plan.SinkID{0}}}, Sinks: []plan.Sink{{}},
	}})
	st := c.State()
	st.Jobs[0].Enumerate.Tasks[0].RawPaths = map[int][]byte{0: []byte("x")}
	if _, err := Load(Config{}, st); err == nil {
		t.Error("Load of a path without its split = nil, want an error")
	}
}
