package coordinator

import (
	"context"
	"strings"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestCancel(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	f := newFake(t, c, "a", 2, 4)
	f.gate = newBarrier(0).wait
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("attempts", func() bool { return count0(f) == 2 })
	cancel := func() *pb.CancelJobResponse {
		t.Helper()
		got, err := cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: id[:8], Reason: "no need"}))
		if err != nil {
			t.Fatalf("CancelJob(%s) = %v", id[:8], err)
		}
		return got.Msg
	}
	if got := cancel(); !got.GetCanceled() {
		t.Errorf("CancelJob = %v, want canceled", got)
	}
	end, _ := await(t, cluster, id)
	if end.GetExitCode() != 4 || end.GetJob().GetState() != pb.JobState_JOB_STATE_CANCELED ||
		!strings.Contains(end.GetJob().GetFailure().GetFault().GetMessage(), "no need") {
		t.Errorf("the job ended as %v, want canceled with the reason", end)
	}
	if got := cancel(); !got.GetCanceled() || got.GetState() != pb.JobState_JOB_STATE_CANCELED {
		t.Errorf("CancelJob again = %v, want canceled", got)
	}
	_, err := cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: "ffff"}))
	wantCode(t, "CancelJob(ffff)", err, connect.CodeNotFound, "is not known")
	_, err = cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: "ab"}))
	wantCode(t, "CancelJob(ab)", err, connect.CodeInvalidArgument, "4 to 32 hexadecimal digits")
}

// TestCancelOfAFailure: a job that is on its way to failure is not canceled, and
// a cancel does not claim that it was.
func TestCancelOfAFailure(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	f := newFake(t, c, "a", 2, 2)
	gate := make(chan struct{})
	f.gate = func(_ context.Context, a plan.Assignment) *fault.Report {
		switch {
		case a.Attempt.Task.Stage != 0:
			return nil
		case a.Attempt.Task.Index == 0:
			return &fault.Report{Kind: fault.Invalid, Message: "no such column"}
		}
		<-gate // what runs beside it does not end yet
		return nil
	}
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("the failure", func() bool { return count0(f) == 2 && f.acked == 2 })
	got, err := cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: id}))
	if err != nil || got.Msg.GetCanceled() {
		t.Errorf("CancelJob of a job that fails = %v, %v, want not canceled", got, err)
	}
	close(gate)
	end, _ := await(t, cluster, id)
	if end.GetExitCode() != 1 || !strings.Contains(end.GetJob().GetFailure().GetFault().GetMessage(), "no such column") {
		t.Errorf("the job ends with %d: %v, want its failure", end.GetExitCode(), end.GetJob().GetFailure())
	}
}

// TestCancelTooLate: once the output is being published a job goes on.
func TestCancelTooLate(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	publish := newBarrier(plan.PublishStage)
	f := newFake(t, c, "a", 2, 1)
	f.gate = publish.wait
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("a publish", func() bool {
		for a := range f.running {
			if a.Task.Stage == plan.PublishStage {
				return true
			}
		}
		return false
	})
	got, err := cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: id}))
	if err != nil || got.Msg.GetCanceled() || got.Msg.GetState() != pb.JobState_JOB_STATE_COMMITTING {
		t.Errorf("CancelJob = %v, %v, want that it is too late", got, err)
	}
	close(publish.gate)
	wantDone(t, cluster, id)
}
