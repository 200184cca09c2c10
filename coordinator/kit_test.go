package coordinator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
	}
	goleak.VerifyTestMain(m)
}

// within is a context that ends long after a test should have.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// testConfig has leases that are short and still outlast a busy machine.
func testConfig(dir string) Config {
	return Config{
		Dir: dir, Log: slog.New(slog.DiscardHandler), BuildVersion: "v-test",
		LeaseTTL: 5 * time.Second, Heartbeat: 50 * time.Millisecond, ReattachGrace: 20 * time.Second,
	}
}

func start(t testing.TB, cfg Config) *Coordinator {
	t.Helper()
	if os.Getenv("COORDINATOR_TEST_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	c, err := Start(within(t), cfg)
	if err != nil {
		t.Fatalf("Start(%s) = %v", cfg.Dir, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func shut(t testing.TB, c *Coordinator) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
}

// client speaks HTTP/2 without encryption.
func client(t testing.TB) *http.Client {
	t.Helper()
	return new(wiring).client(t)
}

// wiring is the connections of a client, which a test can cut.
type wiring struct {
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (w *wiring) client(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			w.mu.Lock()
			w.conns = append(w.conns, conn)
			w.mu.Unlock()
		}
		return conn, err
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// cut breaks all connections, without a word to the other side.
func (w *wiring) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func calls(t testing.TB, address string) sheafv1connect.ClusterServiceClient {
	t.Helper()
	return sheafv1connect.NewClusterServiceClient(client(t), "http://"+address, connect.WithCodec(wire.Codec{}))
}

// theProgram is a program for jobs of which nobody runs any.
var theProgram = []byte("#!/bin/false\n")

func programName() string {
	sum := sha256.Sum256(theProgram)
	return hex.EncodeToString(sum[:])
}

func upload(t testing.TB, c sheafv1connect.ClusterServiceClient) {
	t.Helper()
	got, err := c.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{
		Sha256: programName(), TotalBytes: int64(len(theProgram)), Data: theProgram,
	}))
	if err != nil || !got.Msg.GetComplete() {
		t.Fatalf("UploadArtifact = %v, %v, want complete", got, err)
	}
}

// shape is a job of some map tasks and what reads them: a row for each reduce task.
func shape(name string) *pb.SubmitRequest {
	x := plan.ExchangeID(0)
	p := &plan.Plan{
		Name: name, Fingerprint: "f-" + name,
		Stages: []plan.Stage{
			{ID: 0, Name: "read", Source: &plan.Source{Name: "text"}, Exchanges: []plan.ExchangeID{0}},
			{ID: 1, Name: "fold", Exchange: &x, Sinks: []plan.SinkID{0}},
		},
		Exchanges: []plan.Exchange{{ID: 0, Kind: plan.Hash, Buckets: 4, Producers: []plan.StageID{0}, Consumer: 1}},
		Sinks:     []plan.Sink{{ID: 0, Name: "collect"}},
	}
	return &pb.SubmitRequest{Name: name, Plan: wire.EncodePlan(p), ArtifactSha256: programName(), Args: "{}"}
}

func submit(t testing.TB, c sheafv1connect.ClusterServiceClient, r *pb.SubmitRequest) string {
	t.Helper()
	got, err := c.Submit(within(t), connect.NewRequest(r))
	if err != nil {
		t.Fatalf("Submit(%s) = %v", r.GetName(), err)
	}
	return got.Msg.GetJobId()
}

// await watches a job to its end and returns it with the rows.
func await(t testing.TB, c sheafv1connect.ClusterServiceClient, id string) (*pb.JobEnd, []string) {
	t.Helper()
	stream, err := c.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, Rows: true, IntervalMillis: 50}))
	if err != nil {
		t.Fatalf("WatchJob(%s) = %v", id, err)
	}
	defer stream.Close()
	var rows []string
	messages := 0
	for stream.Receive() {
		switch m := stream.Msg().GetMessage().(type) {
		case *pb.WatchJobResponse_Rows:
			messages++
			for _, b := range m.Rows.GetBlocks() {
				rows = append(rows, string(b))
			}
		case *pb.WatchJobResponse_End:
			if int(m.End.GetRowMessages()) != messages {
				t.Fatalf("the end says %d messages with rows, got %d", m.End.GetRowMessages(), messages)
			}
			return m.End, rows
		}
	}
	t.Fatalf("WatchJob(%s) ended without an end: %v", id, stream.Err())
	return nil, nil
}

func wantDone(t testing.TB, c sheafv1connect.ClusterServiceClient, id string) []string {
	t.Helper()
	end, rows := await(t, c, id)
	if end.GetExitCode() != 0 || end.GetJob().GetState() != pb.JobState_JOB_STATE_DONE {
		t.Fatalf("job %s ended as %v (%v), want done", id, end.GetJob().GetState(), end.GetJob().GetFailure())
	}
	return rows
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

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
