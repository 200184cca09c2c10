package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestDriverManyPieces: the rows of very many tasks go into few messages: one for
// each task would end the stream, again and again.
func TestDriverManyPieces(t *testing.T) {
	l := &loop{machine: newMachine(schedule.Config{}), log: slog.Default()}
	j := &job{id: plan.NewJobID(), done: &schedule.JobDone{}}
	for range maxPending + 1 {
		j.done.Rows = append(j.done.Rows, plan.CollectedRows{Blocks: [][]byte{[]byte("a row")}})
	}
	for try := range 3 {
		s := &session{stream: newStream(1, 1)}
		l.tellStep(asked{s, plan.AttemptID{}}, j)
		if o := s.stream.take(); o.ended || len(o.messages) == 0 {
			t.Errorf("try %d: %d tiny pieces for %d tasks, stream ended %v: %v", try, len(o.messages), len(j.done.Rows), o.ended, o.why)
		}
	}
}

// TestCanceledDriverBeginsNothing: a driver whose cancellation was answered gets no
// further job.
func TestCanceledDriverBeginsNothing(t *testing.T) {
	d := &driving{t: t, cfg: testConfig(t.TempDir()), end: make(chan struct{})}
	d.cfg.Address = freeAddress(t)
	d.c = start(t, d.cfg)
	d.cluster = calls(t, d.c.Address())
	upload(t, d.cluster)
	d.f = newFake(t, d.c, "a", 1, 1)
	d.f.gate = func(ctx context.Context, a plan.Assignment) *fault.Report {
		d.f.mu.Lock()
		waits := d.f.drivers[a.Attempt.Job] && a.Work == plan.Run
		d.f.mu.Unlock()
		if waits { // the order to stop takes its time
			select {
			case <-d.end:
			case <-d.f.ctx.Done():
			}
		}
		return nil
	}
	d.f.run()
	p := &plan.Plan{Name: "driver", Fingerprint: "f", Stages: []plan.Stage{{Source: &plan.Source{Drives: true}, Sinks: []plan.SinkID{0}}}, Sinks: []plan.Sink{{}}}
	d.job = submit(t, d.cluster, &pb.SubmitRequest{Name: "driver", Plan: wire.EncodePlan(p), ArtifactSha256: programName()})
	d.f.until("the driver", func() bool {
		for id := range d.f.running {
			if d.f.drivers[id.Job] && id.Task.Stage == 0 {
				d.attempt = id
				return true
			}
		}
		return false
	})
	got, err := d.cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: d.job}))
	if err != nil || !got.Msg.GetCanceled() {
		t.Fatal(got, err)
	}
	d.ask(1, "late")
	end, _ := d.answer(1)
	if end.GetFailure() == nil {
		t.Errorf("a job of a canceled driver was begun after the cancellation and ended well: %v", end)
	}
	close(d.end)
}

// TestDriverEvictsNoOthers: the end of a driver of many jobs makes nobody forget
// another job.
func TestDriverEvictsNoOthers(t *testing.T) {
	d := drive(t)
	d.cfg.Limits.FinishedJobs = 8
	d.restart()
	for step := int32(1); step <= 20; step++ {
		d.ask(step, fmt.Sprint("step", step))
		d.answer(step)
	}
	other := submit(t, d.cluster, shape("other"))
	wantDone(t, d.cluster, other)
	close(d.end)
	await(t, d.cluster, d.job)
	d.f.until("the oldest are forgotten", func() bool {
		d.f.mu.Unlock()
		defer d.f.mu.Lock()
		return len(d.jobs()) <= 8
	})
	if _, err := d.cluster.GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: other})); err != nil {
		t.Errorf("the job that ended a moment ago: %v", err)
	}
}

// TestDriverLimitIsOfWhatIsReturned: the limit counts rows, and nothing that jobs
// take beside them.
func TestDriverLimitIsOfWhatIsReturned(t *testing.T) {
	d := drive(t)
	d.cfg.Limits.FinishedBytes = 64 << 10
	d.restart()
	for step := int32(1); step <= 30; step++ {
		d.ask(step, fmt.Sprint("step", step))
		if end, _ := d.answer(step); end.GetFailure() != nil {
			t.Errorf("after %d jobs that returned some 30 bytes each: %s", step-1, end.GetFailure().GetMessage())
			break
		}
	}
}
