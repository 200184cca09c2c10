package coordinator

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/fault"
)

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

// TestSubmitOnce: requests with one key, also at once, give one job.
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
