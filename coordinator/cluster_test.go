package coordinator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// wantCode checks an error's code, its text, and that it carries its kind.
func wantCode(t *testing.T, what string, err error, code connect.Code, text string) {
	t.Helper()
	if err == nil || connect.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want %q with code %v", what, err, text, code)
		return
	}
	if e, ok := errors.AsType[*connect.Error](err); !ok || reportOf(t, e) == nil {
		t.Errorf("%s = %v, want a FaultReport as its detail", what, err)
	}
}

func TestArtifacts(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.ArtifactBytes = 3 << 20
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	program := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/2/16)
	sum := sha256.Sum256(program)
	name := hex.EncodeToString(sum[:])
	send := func(from, to int, data []byte) (*pb.UploadArtifactResponse, error) {
		got, err := cluster.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{
			Sha256: name, TotalBytes: int64(len(program)), Offset: int64(from), Data: data[from:to],
		}))
		if err != nil {
			return nil, err
		}
		return got.Msg, nil
	}
	if _, err := send(0, 1<<20, program); err != nil {
		t.Fatal(err)
	}
	_, err := send(2<<20, len(program), program)
	wantCode(t, "UploadArtifact behind a gap", err, connect.CodeInvalidArgument, "only 1048576 bytes are there")
	stat, err := cluster.StatArtifact(within(t), connect.NewRequest(&pb.StatArtifactRequest{Sha256: name}))
	if err != nil || stat.Msg.GetBytes() != 1<<20 || stat.Msg.GetComplete() {
		t.Fatalf("StatArtifact = %v, %v, want 1 MiB", stat, err)
	}
	damaged := bytes.Clone(program)
	damaged[len(damaged)-1]++
	if _, err := send(1<<20, 2<<20, program); err != nil {
		t.Fatal(err)
	}
	_, err = send(2<<20, len(program), damaged)
	wantCode(t, "UploadArtifact with damage", err, connect.CodeDataLoss, "upload it again")
	for off := 0; off < len(program); off += 1 << 20 {
		if _, err := send(off, min(off+1<<20, len(program)), program); err != nil {
			t.Fatal(err)
		}
	}
	_, err = cluster.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{Sha256: name, TotalBytes: 4 << 20, Data: program[:1]}))
	wantCode(t, "UploadArtifact of 4 MiB", err, connect.CodeResourceExhausted, "at most 3145728")
	_, err = cluster.StatArtifact(within(t), connect.NewRequest(&pb.StatArtifactRequest{Sha256: "../../etc/passwd"}))
	wantCode(t, "StatArtifact(../../etc/passwd)", err, connect.CodeInvalidArgument, "hexadecimal digits")
	for _, from := range []int{0, 1, 1 << 20, len(program)} {
		if got := fetch(t, c, name, from); !bytes.Equal(got, program[from:]) {
			t.Errorf("FetchArtifact from %d gives %d other bytes", from, len(got))
		}
	}
}

func fetch(t *testing.T, c *Coordinator, name string, from int) []byte {
	t.Helper()
	service := sheafv1connect.NewExecutorServiceClient(client(t), "http://"+c.Address(), connect.WithCodec(wire.Codec{}))
	stream, err := service.FetchArtifact(within(t), connect.NewRequest(&pb.FetchArtifactRequest{Sha256: name, Offset: int64(from)}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var got []byte
	for stream.Receive() {
		if m := stream.Msg(); int(m.GetOffset()) != from+len(got) {
			t.Fatalf("a piece at %d after %d bytes from %d", m.GetOffset(), len(got), from)
		}
		got = append(got, stream.Msg().GetData()...)
	}
	if err := stream.Err(); err != nil {
		t.Fatalf("FetchArtifact(%s, %d) = %v", name, from, err)
	}
	return got
}

// TestSubmitOnce: requests with one key, also at once, give one job.
// TestSubmitHoldsItsProgram: between the check of a Submit and its place in the
// journal no upload pushes the program out.
func TestSubmitHoldsItsProgram(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.StoreBytes = int64(len(theProgram))
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	l, err := c.leader()
	if err != nil {
		t.Fatal(err)
	}
	busy, free := make(chan struct{}), make(chan struct{})
	if err := l.give(within(t), func(*loop) { close(busy); <-free }); err != nil {
		t.Fatal(err)
	}
	<-busy
	submitted := make(chan error, 1)
	go func() {
		_, err := cluster.Submit(within(t), connect.NewRequest(shape("words")))
		submitted <- err
	}()
	for ctx := within(t); len(l.inputs) == 0 && ctx.Err() == nil; {
		runtime.Gosched()
	}
	other := []byte("other")
	sum := sha256.Sum256(other)
	chunk := artifact.Chunk{Name: hex.EncodeToString(sum[:]), Total: int64(len(other)), Data: other}
	_, _, err = c.programs.Write(chunk, func(string) bool { return false })
	close(free)
	if fault.KindOf(err) != fault.Resource {
		t.Errorf("an upload that leaves no room for a submitted program = %v, want kind resource", err)
	}
	if err := <-submitted; err != nil {
		t.Errorf("Submit = %v", err)
	}
	if _, complete, _ := c.programs.Stat(programName()); !complete {
		t.Error("the program of a submitted job is gone")
	}
	_, err = cluster.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{Sha256: chunk.Name, TotalBytes: chunk.Total, Data: other}))
	wantCode(t, "UploadArtifact beside a program that a job needs", err, connect.CodeResourceExhausted, "jobs need those that are there")
}

func TestSubmitOnce(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	r := shape("words")
	r.IdempotencyKey = "key"
	var calling sync.WaitGroup
	got := make([]*pb.SubmitResponse, 20)
	for i := range got {
		calling.Go(func() {
			m, err := cluster.Submit(within(t), connect.NewRequest(r))
			if err != nil {
				t.Errorf("Submit = %v", err)
				return
			}
			got[i] = m.Msg
		})
	}
	calling.Wait()
	fresh := 0
	for _, m := range got {
		if m.GetJobId() != got[0].GetJobId() {
			t.Errorf("jobs %s and %s of one key", m.GetJobId(), got[0].GetJobId())
		}
		if !m.GetExisted() {
			fresh++
		}
	}
	if fresh != 1 {
		t.Errorf("%d requests were the first, want 1", fresh)
	}
	other := shape("another")
	other.IdempotencyKey = "key"
	_, err := cluster.Submit(within(t), connect.NewRequest(other))
	wantCode(t, "Submit of another job with the key", err, connect.CodeInvalidArgument, "was used for another job")
}

func TestSubmitRefuses(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.Jobs = 2
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	for _, tc := range []struct {
		name  string
		spoil func(r *pb.SubmitRequest)
		code  connect.Code
		want  string
	}{
		{"no plan", func(r *pb.SubmitRequest) { r.Plan = nil }, connect.CodeInvalidArgument, "plan: is missing"},
		{"odd plan", func(r *pb.SubmitRequest) { r.Plan.Exchanges[0].Consumer = 0 }, connect.CodeInvalidArgument, "whose consumer is stage 0"},
		{"no stages", func(r *pb.SubmitRequest) { r.Plan.Stages = nil }, connect.CodeInvalidArgument, "has no stages"},
		{"no program", func(r *pb.SubmitRequest) { r.ArtifactSha256 = strings.Repeat("0", 64) }, connect.CodeNotFound, "upload it first"},
		{"odd program", func(r *pb.SubmitRequest) { r.ArtifactSha256 = "x" }, connect.CodeInvalidArgument, "hexadecimal digits"},
		{"long key", func(r *pb.SubmitRequest) { r.IdempotencyKey = strings.Repeat("k", 129) }, connect.CodeInvalidArgument, "idempotency_key: 129 bytes"},
		{"long name", func(r *pb.SubmitRequest) { r.Name = strings.Repeat("k", 1<<20) }, connect.CodeInvalidArgument, "name: 1048576 bytes"},
		{"negative limit", func(r *pb.SubmitRequest) { r.MaxRunning = -1 }, connect.CodeInvalidArgument, "max_running: is -1"},
		{"least priority", func(r *pb.SubmitRequest) { r.Priority = -1 << 31 }, connect.CodeInvalidArgument, "priority: is"},
		{"odd options", func(r *pb.SubmitRequest) { r.Options = &pb.EngineOptions{BatchRows: -1} }, connect.CodeInvalidArgument, "options.batch_rows: is -1"},
		{"large", func(r *pb.SubmitRequest) { r.Args = strings.Repeat("x", maxCallBytes) }, connect.CodeResourceExhausted, "larger than configured max"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := shape("words")
			tc.spoil(r)
			_, err := cluster.Submit(within(t), connect.NewRequest(r))
			if tc.name == "large" { // refused before it is read
				if connect.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Submit = %v, want %q", err, tc.want)
				}
				return
			}
			wantCode(t, "Submit", err, tc.code, tc.want)
		})
	}
	submit(t, cluster, shape("one"))
	submit(t, cluster, shape("two"))
	_, err := cluster.Submit(within(t), connect.NewRequest(shape("three")))
	wantCode(t, "Submit beyond the limit", err, connect.CodeResourceExhausted, "which is the limit")
}

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

// TestCancelTooLate: once the output is being published a job goes on.
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
	c := start(t, testConfig(t.TempDir()))
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

// TestWatchers: their number is bounded, and one that does not read holds up
// nobody else.
func TestWatchers(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.Watchers = 3
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	f := newFake(t, c, "a", 2, 2)
	f.gate = gate.wait
	f.run()
	id := submit(t, cluster, shape("words"))
	for range 2 { // these never read
		stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, IntervalMillis: 50}))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if !stream.Receive() { // it is being served
			t.Fatal(stream.Err())
		}
	}
	ctx, cancel := context.WithCancel(within(t))
	third, err := cluster.WatchJob(ctx, connect.NewRequest(&pb.WatchJobRequest{JobId: id}))
	if err != nil || !third.Receive() {
		t.Fatalf("a third watcher gets %v, %v", err, third.Err())
	}
	fourth, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id}))
	if err == nil {
		fourth.Receive()
		err = fourth.Err()
		fourth.Close()
	}
	wantCode(t, "a fourth watcher", err, connect.CodeResourceExhausted, "which is the limit")
	cancel()
	third.Close()
	close(gate.gate)
	for ctx := within(t); ctx.Err() == nil; { // until the third one's place is free
		stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, Rows: true}))
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		for stream.Receive() {
			ended = ended || stream.Msg().GetEnd() != nil
		}
		err = stream.Err()
		stream.Close()
		if ended {
			return
		}
		wantCode(t, "WatchJob", err, connect.CodeResourceExhausted, "which is the limit")
	}
	t.Error("no watcher sees the end")
}

// TestCompression: programs go to executors as they are, whatever they accept.
func TestCompression(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	text := bytes.Repeat([]byte("zeros "), 1<<14)
	sum := sha256.Sum256(text)
	name := hex.EncodeToString(sum[:])
	if _, _, err := c.programs.Write(artifact.Chunk{Name: name, Total: int64(len(text)), Data: text}, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	ask, err := proto.Marshal(&pb.FetchArtifactRequest{Sha256: name})
	if err != nil {
		t.Fatal(err)
	}
	envelope := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(ask))), ask...)
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, "http://"+c.Address()+sheafv1connect.ExecutorServiceFetchArtifactProcedure, bytes.NewReader(envelope))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/connect+proto")
	req.Header.Set("Connect-Accept-Encoding", "gzip")
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	head := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, head); err != nil {
		t.Fatal(err)
	}
	if n := binary.BigEndian.Uint32(head[1:]); head[0]&1 != 0 || int(n) < len(text) {
		t.Errorf("a program of %d bytes comes in an envelope of %d with flags %d, want it as it is", len(text), n, head[0])
	}
}

// TestManyConnections: idle ones are bounded and keep nobody else out for ever.
func TestManyConnections(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.Connections = 2
	c := start(t, cfg)
	for range 2 {
		conn, err := net.Dial("tcp", c.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	began := time.Now()
	if _, err := calls(t, c.Address()).GetVersion(within(t), connect.NewRequest(&pb.GetVersionRequest{})); err != nil {
		t.Errorf("GetVersion behind idle connections = %v, want an answer once they are cut off", err)
	}
	if waited := time.Since(began); waited < headerTimeout/2 {
		t.Errorf("a third connection was served after %v beside two idle ones, which are the limit", waited)
	}
}

// logServer serves logs as an executor's data port does.
func logServer(t *testing.T) (address string, logs *sync.Map) {
	logs = new(sync.Map)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := logs.Load(strings.TrimPrefix(r.URL.Path, "/v1/logs/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		var offset int
		fmt.Sscan(r.URL.Query().Get("offset"), &offset)
		data := text.(string)
		if offset < 0 {
			offset = max(len(data)+offset, 0)
		}
		offset = min(offset, len(data))
		w.Header().Set(logOffsetHeader, fmt.Sprint(offset))
		w.Header().Set(logLostHeader, "0")
		io.WriteString(w, data[offset:])
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), logs
}

func TestLogs(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	f := newFake(t, c, "a", 2, 2)
	address, logs := logServer(t)
	f.gate, f.data = gate.wait, address
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("attempts", func() bool { return count0(f) == 2 })
	path := func(task int, stream string) string { return fmt.Sprintf("%s/0/%d/0/1/%s", id, task, stream) }
	logs.Store(path(0, "stdout"), strings.Repeat("x", 5<<20/2))
	logs.Store(path(0, "stderr"), "warning")
	logs.Store(path(1, "stdout"), "hello ")
	read := func(r *pb.ReadLogsRequest) (string, error) {
		r.JobId = id
		stream, err := cluster.ReadLogs(within(t), connect.NewRequest(r))
		if err != nil {
			return "", err
		}
		defer stream.Close()
		var text strings.Builder
		for stream.Receive() {
			if r.GetFollow() && stream.Msg().GetAttempt().GetTask().GetIndex() == 1 && stream.Msg().GetOffset() == 0 {
				logs.Store(path(1, "stdout"), "hello world")
				close(gate.gate)
			}
			text.Write(stream.Msg().GetData())
		}
		return text.String(), stream.Err()
	}
	first := int32(1)
	for _, tc := range []struct {
		name string
		r    *pb.ReadLogsRequest
		want string
	}{
		{"large", &pb.ReadLogsRequest{Task: &pb.TaskId{}, Stream: pb.LogStream_LOG_STREAM_STDOUT}, strings.Repeat("x", 5<<20/2)},
		{"one attempt", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 1}, Attempt: &first, Stream: pb.LogStream_LOG_STREAM_STDOUT, Offset: 2}, "llo "},
		{"the end", &pb.ReadLogsRequest{Task: &pb.TaskId{}, Attempt: &first, Stream: pb.LogStream_LOG_STREAM_STDERR, Offset: -4}, "ning"},
		{"all of a stream", &pb.ReadLogsRequest{Stream: pb.LogStream_LOG_STREAM_STDERR}, "warning"},
		{"none", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 7}}, ""},
		{"follow", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 1}, Follow: true}, "hello world"},
	} {
		got, err := read(tc.r)
		if err != nil || got != tc.want {
			t.Errorf("ReadLogs(%s) = %d bytes %.40q, %v, want %d bytes %.40q", tc.name, len(got), got, err, len(tc.want), tc.want)
		}
	}
	wantDone(t, cluster, id)
	for name, r := range map[string]*pb.ReadLogsRequest{
		"offset of many":       {Offset: 1},
		"attempt without task": {Attempt: &first},
		"odd stream":           {Stream: 99},
		"odd task":             {Task: &pb.TaskId{Stage: -9}},
	} {
		if _, err := read(r); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("ReadLogs(%s) = %v, want an invalid argument", name, err)
		}
	}
}
