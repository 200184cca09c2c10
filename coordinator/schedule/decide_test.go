package schedule

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestSortSplitBytes(t *testing.T) {
	cfg := Config{SplitBytes: 64 * mib, SortSplitBytes: 16 * mib}
	for _, tt := range []struct {
		name  string
		files []plan.Split
		cfg   Config
		want  int64
	}{
		{"nothing", nil, cfg, 16 * mib},
		{"small", []plan.Split{file("a", 500*mib)}, cfg, 16 * mib},
		{"many tasks", []plan.Split{file("a", 16*1024*mib), file("b", 16*1024*mib)}, cfg, 32 * mib},
		{"no more than a task takes", []plan.Split{file("a", 1<<50)}, cfg, 64 * mib},
		{"a task that takes less", []plan.Split{file("a", 500*mib)}, Config{SplitBytes: 4 * mib}.withDefaults(), 4 * mib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sortSplitBytes(tt.files, tt.cfg); got != tt.want {
				t.Errorf("sortSplitBytes = %d, want %d", got, tt.want)
			}
		})
	}
}

// TestSortsInSmallTasks runs one plan whose rows are sorted and one whose rows
// are not.
func TestSortsInSmallTasks(t *testing.T) {
	for kind, want := range map[plan.ExchangeKind]int{plan.Range: 8, plan.Hash: 4} {
		c := New(Config{SplitBytes: 64 * mib, SortSplitBytes: 16 * mib, TasksPerSlot: 2})
		c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 2})
		first := plan.ExchangeID(0)
		c.Step(JobSubmitted{Job: plan.JobID{1}, Plan: plan.Plan{
			Stages:    []plan.Stage{{Source: &plan.Source{}, Exchanges: []plan.ExchangeID{0}}, {ID: 1, Exchange: &first}},
			Exchanges: []plan.Exchange{{Kind: kind, Buckets: 1, Producers: []plan.StageID{0}, Consumer: 1}},
		}})
		list := plan.AttemptID{Job: plan.JobID{1}, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: 1}
		c.Step(AttemptFinished{Executor: "e", Session: 1, Attempt: list, Result: plan.Result{Splits: []plan.Split{file("a", 128*mib)}}})
		p, _ := c.Progress(plan.JobID{1})
		if got := p.Stages[0].Tasks; got != want {
			t.Errorf("exchange of kind %s: %d tasks (%v), want %d", kind, got, p.State, want)
		}
	}
}
