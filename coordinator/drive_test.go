package coordinator

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// driving is a coordinator with one executor, on which a driver runs until it is
// let go.
type driving struct {
	t       *testing.T
	cfg     Config
	c       *Coordinator
	cluster sheafv1connect.ClusterServiceClient
	f       *fake
	job     string
	attempt plan.AttemptID
	end     chan struct{} // closed to let the driver end
	hold    chan struct{} // closed to let its jobs end
}

func drive(t *testing.T) *driving {
	t.Helper()
	d := &driving{t: t, cfg: testConfig(t.TempDir()), end: make(chan struct{}), hold: make(chan struct{})}
	close(d.hold)
	d.cfg.Address = freeAddress(t)
	d.c = start(t, d.cfg)
	d.cluster = calls(t, d.c.Address())
	upload(t, d.cluster)
	d.f = newFake(t, d.c, "a", 1, 1)
	d.f.gate = func(ctx context.Context, a plan.Assignment) *fault.Report {
		if a.Work != plan.Run {
			return nil
		}
		d.f.mu.Lock()
		gate := d.hold
		if d.f.drivers[a.Attempt.Job] {
			gate = d.end
		}
		d.f.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil
	}
	d.f.run()
	p := &plan.Plan{Name: "driver", Fingerprint: "f", Stages: []plan.Stage{{Source: &plan.Source{Drives: true}, Sinks: []plan.SinkID{0}}}, Sinks: []plan.Sink{{}}}
	d.job = submit(t, d.cluster, &pb.SubmitRequest{
		Name: "driver", Plan: wire.EncodePlan(p), ArtifactSha256: programName(), Priority: 3, MaxRunning: 7,
	})
	d.f.until("the driver", func() bool {
		for id := range d.f.running {
			if d.f.drivers[id.Job] && id.Task.Stage == 0 {
				d.attempt = id
				return true
			}
		}
		return false
	})
	return d
}

// ask asks for a job of the shape of that name.
func (d *driving) ask(step int32, name string) {
	d.f.locked(func() {
		d.f.asks = append(d.f.asks, &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Step: step, Plan: shape(name).GetPlan()})
	})
	d.f.poke()
}

// answer waits for the end of a step and forgets it.
func (d *driving) answer(step int32) (end *pb.JobEnded, pieces int32) {
	d.t.Helper()
	d.f.until(fmt.Sprint("the end of step ", step), func() bool { return d.f.ended[step] != nil })
	d.f.locked(func() {
		end, pieces = d.f.ended[step], d.f.pieces[step]
		delete(d.f.ended, step)
		delete(d.f.pieces, step)
	})
	if end == nil {
		d.t.FailNow()
	}
	return end, pieces
}

// restart ends the coordinator, starts it again as it is configured now, and waits
// until the executor is back.
func (d *driving) restart() {
	d.t.Helper()
	var term uint64
	d.f.locked(func() { term = d.f.term })
	shut(d.t, d.c)
	d.c = start(d.t, d.cfg)
	d.cluster = calls(d.t, d.c.Address())
	d.f.until("a new stream", func() bool { return d.f.term > term })
}

func (d *driving) jobs() []*pb.JobSnapshot {
	d.t.Helper()
	page, err := d.cluster.ListJobs(within(d.t), connect.NewRequest(&pb.ListJobsRequest{}))
	if err != nil {
		d.t.Fatal(err)
	}
	return page.Msg.GetJobs()
}

// TestDriverSteps: a driver's jobs are its own in all but their plan, and asking
// again gives the same answer, also after a restart.
func TestDriverSteps(t *testing.T) {
	d := drive(t)
	d.ask(1, "one")
	first, pieces := d.answer(1)
	if first.GetFailure() != nil || pieces != 1 || first.GetPieces() != 1 || first.GetTasks() != 2 || first.GetFigures().GetRowsIn() != 20 {
		t.Fatalf("the first job ended as %v with %d pieces of rows", first, pieces)
	}
	d.ask(2, "two")
	d.answer(2)
	for range 2 {
		d.ask(1, "one")
		if again, pieces := d.answer(1); fmt.Sprint(again) != fmt.Sprint(first) || pieces != 1 {
			t.Errorf("asked again the first job ended as %v with %d pieces, want %v", again, pieces, first)
		}
		d.restart()
	}
	jobs := d.jobs()
	if len(jobs) != 3 || jobs[0].GetName() != "driver/two-2" || jobs[1].GetName() != "driver/one-1" {
		t.Fatalf("jobs %v, want the driver and its two", jobs)
	}
	if j := jobs[0]; j.GetPriority() != 3 || j.GetMaxRunning() != 7 || j.GetOwner() != jobs[2].GetOwner() {
		t.Errorf("job %v, want the priority, limit and owner of the driver %v", j, jobs[2])
	}
	got, err := d.cluster.GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: d.job}))
	if err != nil || len(got.Msg.GetJob().GetStages()) != 2 || got.Msg.GetJob().GetStages()[0].GetDone() != 1 || got.Msg.GetJob().GetFigures().GetRowsIn() != 40 {
		t.Errorf("the driver is %v, %v, want a stage for each of its jobs", got, err)
	}
	close(d.end)
	if end, _ := await(t, d.cluster, d.job); end.GetExitCode() != 0 {
		t.Errorf("the driver ended as %v", end)
	}
}

// TestDriverIsRefused: what no driver may ask is answered by its reason.
func TestDriverIsRefused(t *testing.T) {
	d := drive(t)
	d.ask(1, "one")
	d.answer(1)
	strange := d.attempt
	strange.Number++
	nested := &plan.Plan{Name: "nested", Stages: []plan.Stage{{Source: &plan.Source{Drives: true}, Sinks: []plan.SinkID{0}}}, Sinks: []plan.Sink{{}}}
	for _, tc := range []struct {
		name string
		ask  *pb.RunJob
		want string
		kind pb.FaultKind
	}{
		{"another job", &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Step: 1, Plan: shape("other").GetPlan()}, "was started again and ran other", pb.FaultKind_FAULT_KIND_INVALID},
		{"another attempt", &pb.RunJob{Attempt: wire.EncodeAttemptID(strange), Step: 2, Plan: shape("one").GetPlan()}, "does not run on executor a", pb.FaultKind_FAULT_KIND_LOST},
		{"step 0", &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Plan: shape("one").GetPlan()}, "at most 65536 jobs", pb.FaultKind_FAULT_KIND_INVALID},
		{"too many", &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Step: maxSteps + 1, Plan: shape("one").GetPlan()}, "at most 65536 jobs", pb.FaultKind_FAULT_KIND_INVALID},
		{"a driver", &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Step: 2, Plan: wire.EncodePlan(nested)}, "nested is a driver", pb.FaultKind_FAULT_KIND_INVALID},
		{"a broken plan", &pb.RunJob{Attempt: wire.EncodeAttemptID(d.attempt), Step: 2, Plan: &pb.Plan{Name: "none"}}, "has no stages", pb.FaultKind_FAULT_KIND_INVALID},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d.f.locked(func() { d.f.asks = append(d.f.asks, tc.ask) })
			d.f.poke()
			end, _ := d.answer(tc.ask.GetStep())
			if f := end.GetFailure(); f.GetKind() != tc.kind || !strings.Contains(f.GetMessage(), tc.want) {
				t.Errorf("the answer is %v, want %v with %q", end, tc.kind, tc.want)
			}
		})
	}
	if jobs := d.jobs(); len(jobs) != 2 {
		t.Errorf("there are %d jobs, want the driver and its first", len(jobs))
	}
}

// TestDriverIsToldLate: a job that ends while no stream is open, or while there is
// no coordinator, is told when the executor asks again.
func TestDriverIsToldLate(t *testing.T) {
	d := drive(t)
	gate := make(chan struct{})
	d.f.locked(func() { d.hold = gate })
	d.ask(1, "one")
	d.f.until("its job", func() bool { return len(d.f.running) == 2 })
	d.restart()
	close(gate)
	d.f.until("the end of its job", func() bool { return len(d.f.running) == 1 && len(d.f.reports) == 0 })
	d.f.locked(func() {
		if end := d.f.ended[1]; end != nil {
			t.Errorf("a coordinator that nobody asked told %v", end)
		}
	})
	d.ask(1, "one")
	if end, pieces := d.answer(1); end.GetFailure() != nil || pieces != 1 {
		t.Errorf("the job ended as %v with %d pieces", end, pieces)
	}
}

// TestDriversEndTheirJobs: what a driver left running is canceled, also when
// another coordinator has to.
func TestDriversEndTheirJobs(t *testing.T) {
	for _, again := range []bool{false, true} {
		d := drive(t)
		d.f.locked(func() { d.hold = make(chan struct{}) })
		d.ask(1, "one")
		d.f.until("its job", func() bool { return len(d.f.running) == 2 })
		close(d.end)
		if again {
			d.restart()
		}
		if end, _ := await(t, d.cluster, d.job); end.GetExitCode() != 0 {
			t.Errorf("the driver ended as %v", end)
		}
		step := stepID(d.attempt.Job, 1)
		end, _ := await(t, d.cluster, step.String())
		if end.GetExitCode() != exitCodes[pb.JobState_JOB_STATE_CANCELED] || !strings.Contains(end.GetJob().GetFailure().GetFault().GetMessage(), driverEnded) {
			t.Errorf("its job ended as %v, want it canceled", end)
		}
	}
}

// TestDriversJobsAreKept: while a driver lives nothing of it is forgotten, however
// many jobs have ended.
func TestDriversJobsAreKept(t *testing.T) {
	d := drive(t)
	d.cfg.Limits.FinishedJobs = 2
	d.restart()
	for step := int32(1); step <= 4; step++ {
		d.ask(step, fmt.Sprint("step", step))
		d.answer(step)
	}
	for range 4 {
		wantDone(t, d.cluster, submit(t, d.cluster, shape("other")))
	}
	steps := func() (n int) {
		for _, j := range d.jobs() {
			if strings.HasPrefix(j.GetName(), "driver/") {
				n++
			}
		}
		return n
	}
	if n := steps(); n != 4 {
		t.Errorf("%d jobs of the driver are known, want 4", n)
	}
	d.ask(1, "step1")
	if end, _ := d.answer(1); end.GetFailure() != nil {
		t.Errorf("the first ended as %v", end)
	}
	close(d.end)
	await(t, d.cluster, d.job)
	wantDone(t, d.cluster, submit(t, d.cluster, shape("last")))
	d.f.until("the driver's jobs are forgotten", func() bool {
		d.f.mu.Unlock()
		defer d.f.mu.Lock()
		return steps() == 0
	})
}
