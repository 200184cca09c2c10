package schedule

import (
	"fmt"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// BenchmarkStep measures tasks per second through Step: a map stage of 50,000
// tasks and its reduce on 100 executors of 8 slots, launch and finish of each.
func BenchmarkStep(b *testing.B) {
	const tasks = 50_000
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		total += runJob(b, tasks)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkStepMillion is BenchmarkStep with a stage of a million tasks.
func BenchmarkStepMillion(b *testing.B) {
	total := 0
	for b.Loop() {
		total += runJob(b, 1_000_000)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "tasks/s")
}

func runJob(b *testing.B, tasks int) int {
	c := New(Config{})
	for i := range 100 {
		c.Step(ExecutorJoined{Executor: plan.ExecutorID(fmt.Sprint("e", i)), Session: plan.SessionID(i + 1), Slots: 8})
	}
	x := plan.ExchangeID(0)
	p := plan.Plan{
		Name: "bench",
		Stages: []plan.Stage{
			{ID: 0, Source: &plan.Source{}, Exchanges: []plan.ExchangeID{0}},
			{ID: 1, Exchange: &x, Sinks: []plan.SinkID{0}},
		},
		Exchanges: []plan.Exchange{{Kind: plan.Hash, Buckets: 512, Producers: []plan.StageID{0}, Consumer: 1}},
		Sinks:     []plan.Sink{{Destination: "out"}},
	}
	files := make([]plan.Split, tasks)
	for i := range files {
		files[i] = whole("f", 64*mib)
	}
	buckets := make([]int64, 512)
	for i := range buckets {
		buckets[i] = kib
	}
	job := plan.JobID{1}
	queue := launches(nil, c.Step(JobSubmitted{Job: job, Plan: p}))
	done := 0
	for len(queue) > 0 {
		l := queue[0]
		queue = queue[1:]
		id := l.Assignment.Attempt
		var r plan.Result
		switch {
		case l.Assignment.Work == plan.Enumerate:
			r.Splits = files
		case id.Task.Stage == 0:
			r.Outputs = []plan.MapOutput{{ID: plan.OutputID{Attempt: id}, Bytes: 512 * kib, BucketBytes: buckets}}
		}
		queue = launches(queue, c.Step(AttemptFinished{Executor: l.Executor, Session: l.Session, Attempt: id, Result: r}))
		done++
	}
	if p, _ := c.Progress(job); p.State != Done {
		b.Fatalf("job is %v after %d attempts, want %v", p.State, done, Done)
	}
	return done
}

func launches(queue []Launch, actions []Action) []Launch {
	for _, a := range actions {
		if l, ok := a.(Launch); ok {
			queue = append(queue, l)
		}
	}
	return queue
}
