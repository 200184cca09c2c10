package coordinator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/fault"
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

// fake is an executor that speaks the real protocol and runs nothing.
type fake struct {
	t       testing.TB
	name    plan.ExecutorID
	session uint64
	slots   int
	splits  int // files that its Enumerate finds
	data    string
	cluster string
	version wire.Versions

	// gate, when set, is asked before an attempt ends: it may wait, or say how
	// the attempt fails.
	gate func(ctx context.Context, a plan.Assignment) *fault.Report

	wiring  wiring
	client  *http.Client
	wake    chan struct{}
	changed *sync.Cond

	mu        sync.Mutex // guards the fields below
	address   string
	term      uint64
	commands  uint64 // the highest that arrived
	reports   []*pb.ConnectRequest
	acked     uint64
	next      uint64 // number of the next report
	running   map[plan.AttemptID]context.CancelFunc
	held      map[plan.OutputID]bool
	launched  map[plan.AttemptID]int
	specs     map[plan.JobID]bool
	peers     map[string]string
	fenced    string
	drained   bool
	released  []plan.AttemptID
	over      []plan.JobID
	beats     uint64
	beatAcks  uint64
	connects  int
	refusal   error
	mute      bool // sends no heartbeats
	tasks     sync.WaitGroup
	ctx       context.Context
	kill      context.CancelFunc
	heartbeat time.Duration
}

var sessions struct {
	sync.Mutex
	last uint64
}

func newFake(t testing.TB, c *Coordinator, name string, slots, splits int) *fake {
	t.Helper()
	sessions.Lock()
	sessions.last++
	session := sessions.last
	sessions.Unlock()
	f := &fake{
		t: t, name: plan.ExecutorID(name), session: session, slots: slots, splits: splits, address: c.Address(), cluster: c.ClusterID(),
		data: "127.0.0.1:1", version: wire.ExecutorProtocol, wake: make(chan struct{}, 1),
		running: map[plan.AttemptID]context.CancelFunc{}, held: map[plan.OutputID]bool{}, launched: map[plan.AttemptID]int{},
		specs: map[plan.JobID]bool{}, peers: map[string]string{}, next: 1, heartbeat: 50 * time.Millisecond,
	}
	f.client = f.wiring.client(t)
	f.changed = sync.NewCond(&f.mu)
	f.ctx, f.kill = context.WithCancel(context.Background())
	t.Cleanup(f.stop)
	return f
}

// run connects, and connects again when a stream ends.
func (f *fake) run() *fake {
	f.tasks.Go(func() {
		for f.ctx.Err() == nil {
			f.connect(f.ctx)
			select {
			case <-f.ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return f
}

// stop ends the executor as a power cut does.
func (f *fake) stop() {
	f.kill()
	f.wiring.cut()
	f.tasks.Wait()
}

// locked runs do under the executor's lock.
func (f *fake) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.changed.Broadcast()
}

// until waits for a condition.
func (f *fake) until(what string, ok func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { f.locked(func() {}) })
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !ok() {
		if ctx.Err() != nil {
			f.t.Errorf("executor %s waited in vain for: %s", f.name, what)
			return
		}
		f.changed.Wait()
	}
}

type fakeStream = connect.BidiStreamForClient[pb.ConnectRequest, pb.ConnectResponse]

func (f *fake) open(ctx context.Context) *fakeStream {
	f.mu.Lock()
	address := f.address
	f.mu.Unlock()
	return sheafv1connect.NewExecutorServiceClient(f.client, "http://"+address, connect.WithCodec(wire.Codec{})).Connect(ctx)
}

// registration says what the executor is, and what it runs and holds.
func (f *fake) registration() *pb.ConnectRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &wire.Registration{
		ClusterID: f.cluster, Executor: f.name, Protocol: f.version, BuildVersion: "v-fake", Slots: f.slots, MemoryBytes: 1 << 30,
		DataAddress: f.data, OS: "linux", Arch: "amd64", Isolation: "none",
		CommandsReceived: f.commands, FirstReport: f.acked + 1,
	}
	listed := map[plan.AttemptID]bool{}
	for id := range f.running {
		listed[id] = true
	}
	for _, m := range f.reports {
		if m.GetSequence() > f.acked {
			if id := reported(f.t, m); id != nil {
				listed[*id] = true
			}
		}
	}
	for id := range listed {
		r.Running = append(r.Running, id)
	}
	for id := range f.held {
		r.Held = append(r.Held, wire.HeldOutput{ID: id, Digest: digestOf(id)})
	}
	return &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Register{Register: wire.EncodeRegistration(r)}}
}

func reported(t testing.TB, m *pb.ConnectRequest) *plan.AttemptID {
	var id *pb.AttemptId
	switch m := m.GetMessage().(type) {
	case *pb.ConnectRequest_AttemptFinished:
		id = m.AttemptFinished.GetAttempt()
	case *pb.ConnectRequest_AttemptFailed:
		id = m.AttemptFailed.GetAttempt()
	default:
		return nil
	}
	got, err := wire.DecodeAttemptID(id)
	if err != nil {
		t.Error(err)
	}
	return &got
}

func digestOf(id plan.OutputID) string {
	return fmt.Sprintf("%032x", id.Attempt.Task.Index)
}

// connect holds one stream to its end.
func (f *fake) connect(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := f.open(ctx)
	defer stream.CloseResponse()
	defer stream.CloseRequest()
	if err := stream.Send(f.registration()); err != nil {
		return
	}
	first, err := stream.Receive()
	if err != nil || first.GetRegistered() == nil {
		f.locked(func() {
			f.refusal = err
			if first.GetFence() != nil {
				f.fenced = first.GetFence().GetReason()
			}
		})
		return
	}
	f.locked(func() {
		f.connects++
		if first.GetTerm() > f.term {
			f.term, f.commands = first.GetTerm(), first.GetRegistered().GetFirstCommand()-1
		}
		f.acknowledge(first.GetRegistered().GetReportsReceived())
	})
	var sending sync.WaitGroup
	sending.Go(func() { f.send(ctx, stream) })
	for {
		m, err := stream.Receive()
		if err != nil {
			break
		}
		f.receive(m)
	}
	cancel()
	stream.CloseRequest() // else the transport waits for more of it
	sending.Wait()
}

func (f *fake) acknowledge(n uint64) {
	f.acked = max(f.acked, n)
	f.reports = slices.DeleteFunc(f.reports, func(m *pb.ConnectRequest) bool { return m.GetSequence() <= f.acked })
}

// send sends reports that were not sent over this stream, acks and heartbeats.
func (f *fake) send(ctx context.Context, stream *fakeStream) {
	f.mu.Lock()
	sent, acked := f.acked, uint64(0)
	f.mu.Unlock()
	tick := time.NewTicker(f.heartbeat)
	defer tick.Stop()
	for {
		f.mu.Lock()
		var out []*pb.ConnectRequest
		for _, m := range f.reports {
			if m.GetSequence() > sent {
				m.Term = f.term
				out = append(out, m)
				sent = m.GetSequence()
			}
		}
		if f.commands > acked {
			acked = f.commands
			out = append(out, &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Ack{Ack: &pb.Ack{Sequence: acked}}})
		}
		f.mu.Unlock()
		for _, m := range out {
			if stream.Send(m) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-tick.C:
			if m := f.beat(); m != nil && stream.Send(m) != nil {
				return
			}
		}
	}
}

func (f *fake) beat() *pb.ConnectRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		return nil
	}
	f.beats++
	var attempts []wire.AttemptProgress
	for id := range f.running {
		attempts = append(attempts, wire.AttemptProgress{Attempt: id, Rows: 7, Bytes: 70})
	}
	return &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Heartbeat{Heartbeat: &pb.Heartbeat{
		Beat: f.beats, Attempts: wire.EncodeAttemptProgress(attempts), DiskFreeBytes: 99,
	}}}
}

func (f *fake) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// receive does what the coordinator says.
func (f *fake) receive(m *pb.ConnectResponse) {
	if err := wire.CheckResponse(m); err != nil {
		f.t.Errorf("executor %s got %v: %v", f.name, m, err)
		return
	}
	defer f.poke()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	if n := m.GetSequence(); n != 0 {
		switch {
		case n <= f.commands:
			return // seen
		case n != f.commands+1:
			f.t.Errorf("executor %s got command %d after %d", f.name, n, f.commands)
		}
		f.commands = n
	}
	f.obey(m)
}

func (f *fake) obey(m *pb.ConnectResponse) {
	switch v := m.GetMessage().(type) {
	case *pb.ConnectResponse_Ack:
		f.acknowledge(v.Ack.GetSequence())
		f.beatAcks = max(f.beatAcks, v.Ack.GetBeat())
	case *pb.ConnectResponse_Fence:
		f.fenced = v.Fence.GetReason()
	case *pb.ConnectResponse_Executors:
		for _, e := range v.Executors.GetExecutors() {
			f.peers[e.GetExecutor()] = e.GetDataAddress()
		}
	case *pb.ConnectResponse_JobSpec:
		spec, err := wire.DecodeJobSpec(v.JobSpec)
		if err != nil {
			f.t.Error(err)
		}
		f.specs[spec.Job] = true
	case *pb.ConnectResponse_Launch:
		f.launch(v.Launch)
	case *pb.ConnectResponse_Cancel:
		id, err := wire.DecodeAttemptID(v.Cancel.GetAttempt())
		if err != nil {
			f.t.Error(err)
		}
		if cancel := f.running[id]; cancel != nil {
			cancel()
		}
	case *pb.ConnectResponse_Release:
		ids, err := wire.DecodeAttemptIDs(v.Release.GetAttempts())
		if err != nil {
			f.t.Error(err)
		}
		f.released = append(f.released, ids...)
		for id := range f.held {
			if slices.Contains(ids, id.Attempt) {
				delete(f.held, id)
			}
		}
	case *pb.ConnectResponse_ReleaseJob:
		job, err := wire.DecodeJobID("job", v.ReleaseJob.GetJob())
		if err != nil {
			f.t.Error(err)
		}
		f.over = append(f.over, job)
		for id := range f.held {
			if id.Attempt.Job == job {
				delete(f.held, id)
			}
		}
	case *pb.ConnectResponse_Drain:
		f.drained = true
	}
}

func (f *fake) launch(m *pb.Launch) {
	a, err := wire.DecodeAssignment(m.GetAssignment())
	if err != nil {
		f.t.Error(err)
		return
	}
	if !f.specs[a.Attempt.Job] {
		f.t.Errorf("executor %s got attempt %v before its job", f.name, a.Attempt)
	}
	f.launched[a.Attempt]++
	if f.launched[a.Attempt] > 1 {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	f.running[a.Attempt] = cancel
	if f.gate == nil { // fast, for benchmarks
		f.finish(a, nil)
		return
	}
	f.tasks.Go(func() {
		failure := f.gate(ctx, a)
		if f.ctx.Err() != nil {
			return // gone with the machine
		}
		if failure == nil && ctx.Err() != nil {
			failure = &fault.Report{Kind: fault.Canceled, Message: "canceled"}
		}
		f.locked(func() { f.finish(a, failure) })
		f.poke()
	})
}

// finish reports the end of an attempt; the lock is held.
func (f *fake) finish(a plan.Assignment, failure *fault.Report) {
	cancel := f.running[a.Attempt]
	if cancel == nil {
		return
	}
	cancel()
	delete(f.running, a.Attempt)
	m := &pb.ConnectRequest{Session: f.session}
	if failure != nil {
		m.Message = &pb.ConnectRequest_AttemptFailed{AttemptFailed: &pb.AttemptFailed{
			Attempt: wire.EncodeAttemptID(a.Attempt), Failure: wire.EncodeReport(failure),
		}}
	} else {
		r := f.result(a)
		m.Message = &pb.ConnectRequest_AttemptFinished{AttemptFinished: &pb.AttemptFinished{
			Attempt: wire.EncodeAttemptID(a.Attempt), Result: wire.EncodeResult(&r),
		}}
	}
	f.report(m)
}

// report numbers a report and keeps it until it is acknowledged.
func (f *fake) report(m *pb.ConnectRequest) {
	m.Session, m.Sequence = f.session, f.next
	f.next++
	f.reports = append(f.reports, m)
}

func (f *fake) result(a plan.Assignment) plan.Result {
	id := a.Attempt
	r := plan.Result{Figures: plan.Figures{RowsIn: 10, BytesIn: 100}}
	switch {
	case a.Work == plan.Enumerate:
		for i := range f.splits {
			r.Splits = append(r.Splits, plan.Split{Path: fmt.Sprint("part-", i), Length: 64 << 20, Size: 64 << 20})
		}
	case a.Work == plan.Run && id.Task.Stage == 0:
		o := plan.OutputID{Attempt: id}
		f.held[o] = true
		r.Outputs = []plan.MapOutput{{ID: o, Digest: digestOf(o), Bytes: 4, Rows: 4, BucketBytes: []int64{1, 1, 1, 1}}}
	case a.Work == plan.Run:
		r.Rows = []plan.CollectedRows{{Sink: 0, Blocks: [][]byte{[]byte(fmt.Sprintf("task %v of %d outputs", id.Task, len(a.Partition.Outputs)))}}}
	}
	return r
}

// open door: attempts end at once, in goroutines of their own.
func atOnce(context.Context, plan.Assignment) *fault.Report { return nil }

// count returns how many attempts of a stage the executors got.
func count(stage plan.StageID, fakes ...*fake) int {
	n := 0
	for _, f := range fakes {
		f.mu.Lock()
		for id, times := range f.launched {
			if id.Task.Stage == stage {
				n += times
			}
		}
		f.mu.Unlock()
	}
	return n
}
