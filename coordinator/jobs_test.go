package coordinator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestFailure: a job that fails says which task is to blame.
func TestFailure(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	f := newFake(t, c, "a", 2, 2)
	f.gate = func(_ context.Context, a plan.Assignment) *fault.Report {
		if a.Attempt.Task == (plan.TaskID{Stage: 0, Index: 1}) {
			return &fault.Report{Kind: fault.User, Message: "line 7 is no number", Detail: "stack"}
		}
		return nil
	}
	f.run()
	end, _ := await(t, cluster, submit(t, cluster, shape("words")))
	failure := end.GetJob().GetFailure()
	if end.GetExitCode() != 1 || failure.GetAttempts() != 4 || failure.GetTask().GetIndex() != 1 ||
		failure.GetFault().GetKind() != pb.FaultKind_FAULT_KIND_USER || !strings.Contains(failure.GetFault().GetMessage(), "line 7") {
		t.Errorf("the job ended as %v, want the failure of task 0/1 after 4 attempts", end)
	}
}

// TestLargeResult: rows that the journal does not take fail their job, not the
// coordinator.
func TestLargeResult(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.LeaseTTL = time.Minute // nothing else is said while the result is on its way
	c := start(t, cfg)
	k := newFake(t, c, "a", 1, 1)
	l, err := c.leader()
	if err != nil {
		t.Fatal(err)
	}
	stream := k.talk(t)
	id := plan.AttemptID{Job: plan.JobID{1}, Number: 1}
	r := plan.Result{Rows: []plan.CollectedRows{{Blocks: [][]byte{make([]byte, 33<<20)}}}}
	stream.say(&pb.ConnectRequest{Session: k.session, Sequence: 1, Message: &pb.ConnectRequest_AttemptFinished{AttemptFinished: &pb.AttemptFinished{
		Attempt: wire.EncodeAttemptID(id), Result: wire.EncodeResult(&r),
	}}})
	if got := stream.ack(); got != 1 {
		t.Errorf("a large result is acknowledged with %d, want 1", got)
	}
	if now, err := c.leader(); err != nil || now != l {
		t.Errorf("the coordinator leads no more: %v", err)
	}
}

// TestListJobs pages through jobs, the newest first.
func TestListJobs(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	var want []string
	for i := range 7 {
		want = append(want, submit(t, cluster, shape(fmt.Sprint("job", i))))
	}
	slices.Reverse(want)
	var got []string
	after, pages := "", 0
	for more := true; more; pages++ {
		page, err := cluster.ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{Limit: 3, AfterJobId: after}))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Msg.GetJobs() {
			after = j.GetJobId()
			got = append(got, after)
			if j.GetState() != pb.JobState_JOB_STATE_QUEUED || j.GetWaiting() != "no executor has joined yet" || len(j.GetStages()) != 0 {
				t.Errorf("job %v, want queued, with the reason and without stages", j)
			}
		}
		more = page.Msg.GetMore()
	}
	if !slices.Equal(got, want) || pages != 3 {
		t.Errorf("%d pages of jobs %v, want 3 of %v", pages, got, want)
	}
	none, err := cluster.ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{States: []pb.JobState{pb.JobState_JOB_STATE_DONE}}))
	if err != nil || len(none.Msg.GetJobs()) != 0 {
		t.Errorf("ListJobs(done) = %v, %v, want none", none, err)
	}
	_, err = cluster.ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{Limit: -1}))
	wantCode(t, "ListJobs(-1)", err, connect.CodeInvalidArgument, "limit: is -1")
	_, err = cluster.ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{AfterJobId: strings.Repeat("f", 32)}))
	wantCode(t, "ListJobs after an unknown job", err, connect.CodeNotFound, "is not known")
	got1, err := cluster.GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: want[0][:12]}))
	if err != nil || got1.Msg.GetJob().GetName() != "job6" || len(got1.Msg.GetJob().GetStages()) != 2 {
		t.Errorf("GetJob(%s) = %v, %v, want job6 with its stages", want[0][:12], got1, err)
	}
}

// TestProgress: what heartbeats say of running attempts is shown.
func TestProgress(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	f := newFake(t, c, "a", 2, 2)
	f.gate = newBarrier(0).wait
	f.run()
	id := submit(t, cluster, shape("words"))
	stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, IntervalMillis: 50}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for stream.Receive() {
		s := stream.Msg().GetSnapshot()
		if st := s.GetStages(); len(st) == 2 && st[0].GetRows() == 14 && st[0].GetBytes() == 140 && st[0].GetRunning() == 2 && s.GetState() == pb.JobState_JOB_STATE_RUNNING {
			if n := nodes(t, cluster)["a"]; n.GetRunning() != 2 || n.GetSlots() != 2 || n.GetDiskFreeBytes() != 99 || n.GetState() != pb.NodeState_NODE_STATE_READY {
				t.Errorf("node a is %v, want ready with 2 of 2 slots busy", n)
			}
			return
		}
	}
	t.Errorf("no snapshot shows the progress of attempts: %v", stream.Err())
}

// TestForget: of finished jobs only so many are kept.
func TestForget(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.FinishedJobs = 2
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	newFake(t, c, "a", 2, 1).run()
	var ids []string
	for i := range 4 {
		r := shape(fmt.Sprint("job", i))
		r.IdempotencyKey = r.GetName()
		id := submit(t, cluster, r)
		wantDone(t, cluster, id)
		ids = append(ids, id)
	}
	kept := func(c *Coordinator) (names []string) {
		list, err := calls(t, c.Address()).ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range list.Msg.GetJobs() {
			names = append(names, j.GetName())
		}
		return names
	}
	want := []string{"job3", "job2"}
	// The loop forgets in a turn of its own.
	for ctx := within(t); len(kept(c)) > 2 && ctx.Err() == nil; {
	}
	if got := kept(c); !slices.Equal(got, want) {
		t.Errorf("jobs %v are kept, want %v", got, want)
	}
	_, err := cluster.GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: ids[0]}))
	wantCode(t, "GetJob of a forgotten job", err, connect.CodeNotFound, "ended long ago")
	shut(t, c)
	if got := kept(start(t, cfg)); !slices.Equal(got, want) {
		t.Errorf("after a restart jobs %v are kept, want %v", got, want)
	}
}
