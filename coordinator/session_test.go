package coordinator

import (
	"context"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestLease: an executor that falls silent loses its session, its attempts run
// elsewhere, and it is told.
func TestLease(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.LeaseTTL = 700 * time.Millisecond
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	b := newBarrier(0)
	silent := newFake(t, c, "a", 4, 4)
	silent.gate = b.wait
	silent.run()
	id := submit(t, cluster, shape("words"))
	silent.until("map attempts", func() bool { return len(silent.running) == 4 })
	silent.locked(func() { silent.mute = true })
	other := newFake(t, c, "b", 4, 4)
	other.gate = atOnce
	other.run()
	wantDone(t, cluster, id)
	silent.until("a fence", func() bool { return silent.fenced != "" })
	if n := count(0, other); n != 4 {
		t.Errorf("%d map attempts on the other executor, want 4", n)
	}
}

// TestReconnect: a stream that breaks costs nothing.
func TestReconnect(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	b := newBarrier(0)
	f := newFake(t, c, "a", 4, 4)
	f.gate = b.wait
	f.run()
	id := submit(t, cluster, shape("words"))
	for n := 1; n <= 3; n++ {
		f.until("attempts on a stream", func() bool { return f.connects == n && len(f.running) == 4 })
		f.wiring.cut()
	}
	f.until("the last stream", func() bool { return f.connects == 4 })
	close(b.gate)
	wantDone(t, cluster, id)
	if maps, reduces := count(0, f), count(1, f); maps != 4 || reduces != 1 {
		t.Errorf("%d map and %d reduce attempts, want 4 and 1: nothing runs again", maps, reduces)
	}
}

// TestLostAttempt: an executor that comes back without an attempt has lost it.
func TestLostAttempt(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	b := newBarrier(0)
	f := newFake(t, c, "a", 1, 1)
	f.gate = b.wait
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("a map attempt", func() bool { return len(f.running) == 1 && f.launched[mapAttempt(t, id, 0, 1)] == 1 })
	f.locked(func() {
		f.running[mapAttempt(t, id, 0, 1)]()
		delete(f.running, mapAttempt(t, id, 0, 1))
	})
	f.wiring.cut()
	f.until("another attempt", func() bool { return f.launched[mapAttempt(t, id, 0, 2)] == 1 })
	close(b.gate)
	wantDone(t, cluster, id)
}

func mapAttempt(t *testing.T, job string, index, number int) plan.AttemptID {
	t.Helper()
	id := plan.AttemptID{Task: plan.TaskID{Index: index}, Number: number}
	if err := id.Job.UnmarshalText([]byte(job)); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestUnwantedIsReleased: what an executor lists of jobs that nobody knows is
// let go.
func TestUnwantedIsReleased(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	f := newFake(t, c, "a", 1, 1)
	f.gate = atOnce
	gone := plan.AttemptID{Job: plan.JobID{9}, Number: 1}
	f.held[plan.OutputID{Attempt: gone}] = true
	f.run()
	f.until("the release of an unknown job", func() bool { return len(f.over) == 1 && len(f.held) == 0 })
}

func TestRegisterRefused(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	first := newFake(t, c, "taken", 1, 1).run()
	first.until("a connection", func() bool { return first.connects == 1 })
	for _, tc := range []struct {
		name  string
		spoil func(f *fake)
		code  connect.Code
		want  string
	}{
		{"another cluster", func(f *fake) { f.cluster = strings.Repeat("0", 32) }, connect.CodeInvalidArgument, "belongs to cluster 0000"},
		{"newer protocol", func(f *fake) { f.version = wire.Versions{Min: 7, Max: 9} }, connect.CodeInvalidArgument, "speaks protocol 7 to 9 and the coordinator 1: build the coordinator with a newer Sheaf"},
		{"newer term", func(f *fake) { f.term = 1 << 40 }, connect.CodeUnavailable, "has seen term"},
		{"name of another", func(f *fake) { f.name = "taken" }, connect.CodeUnavailable, "is connected already under another session"},
		{"slots without end", func(f *fake) { f.slots = 1 << 30 }, connect.CodeInvalidArgument, "at most 16384 are taken"},
		{"no name", func(f *fake) { f.name = "" }, connect.CodeInvalidArgument, "register.executor: is empty"},
		{"no session", func(f *fake) { f.session = 0 }, connect.CodeInvalidArgument, "request.session: is 0"},
		{"reports from 0", func(f *fake) { f.acked-- }, connect.CodeInvalidArgument, "first_report: is 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t, c, "other", 1, 1)
			tc.spoil(f)
			f.connect(within(t))
			if code := connect.CodeOf(f.refusal); f.refusal == nil || code != tc.code || !strings.Contains(f.refusal.Error(), tc.want) {
				t.Errorf("Connect = %v, want %q with code %v", f.refusal, tc.want, tc.code)
			}
			if err, ok := f.refusal.(*connect.Error); !ok || reportOf(t, err).GetKind() == pb.FaultKind_FAULT_KIND_UNSPECIFIED {
				t.Errorf("Connect = %v, want a FaultReport as its detail", f.refusal)
			}
		})
	}
	if first.connects != 1 || first.fenced != "" {
		t.Errorf("the first executor has %d streams and the fence %q, want it left alone", first.connects, first.fenced)
	}
}

func reportOf(t *testing.T, err *connect.Error) *pb.FaultReport {
	t.Helper()
	for _, d := range err.Details() {
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := v.(*pb.FaultReport); ok {
			return r
		}
	}
	return nil
}

// talk is a stream whose messages the test makes itself.
type talk struct {
	t      *testing.T
	f      *fake
	stream *fakeStream

	registered *pb.Registered
}

func (f *fake) talk(t *testing.T) *talk {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	k := &talk{t: t, f: f, stream: f.open(ctx)}
	t.Cleanup(func() { k.stream.CloseRequest(); f.wiring.cut(); cancel(); k.stream.CloseResponse() })
	k.say(f.registration())
	first := k.next()
	if k.registered = first.GetRegistered(); k.registered == nil {
		t.Fatalf("got %v, want Registered", first)
	}
	f.term = first.GetTerm()
	return k
}

func (k *talk) say(m *pb.ConnectRequest) {
	k.t.Helper()
	if err := k.stream.Send(m); err != nil {
		k.t.Fatalf("Send(%v) = %v", m, err)
	}
}

func (k *talk) next() *pb.ConnectResponse {
	k.t.Helper()
	m, err := k.stream.Receive()
	if err != nil {
		k.t.Fatalf("Receive() = %v", err)
	}
	return m
}

// ack reads on to an acknowledgement.
func (k *talk) ack() uint64 {
	k.t.Helper()
	for {
		if a := k.next().GetAck(); a != nil {
			return a.GetSequence()
		}
	}
}

// end reads on to the end of the stream.
func (k *talk) end() error {
	for {
		if _, err := k.stream.Receive(); err != nil {
			return err
		}
	}
}

func (k *talk) failed(sequence uint64) *pb.ConnectRequest {
	id := plan.AttemptID{Job: plan.JobID{1}, Number: 1}
	return &pb.ConnectRequest{Session: k.f.session, Sequence: sequence, Message: &pb.ConnectRequest_AttemptFailed{AttemptFailed: &pb.AttemptFailed{
		Attempt: wire.EncodeAttemptID(id), Failure: wire.EncodeReport(&fault.Report{Kind: fault.User, Message: "x"}),
	}}}
}

// TestReports: reports that come again are acknowledged again, those of another
// session are dropped, and a gap ends the stream.
func TestReports(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	k := newFake(t, c, "a", 1, 1).talk(t)
	for _, step := range []struct{ say, want uint64 }{{1, 1}, {2, 2}, {2, 2}, {1, 2}, {3, 3}} {
		k.say(k.failed(step.say))
		if got := k.ack(); got != step.want {
			t.Fatalf("report %d is acknowledged with %d, want %d", step.say, got, step.want)
		}
	}
	other := k.failed(4)
	other.Session++
	k.say(other)
	k.say(k.failed(4))
	if got := k.ack(); got != 4 {
		t.Fatalf("report 4 is acknowledged with %d, want 4", got)
	}
	k.say(k.failed(9))
	if err := k.end(); connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), "report 9 came after report 4") {
		t.Errorf("after a gap the stream ends with %v", err)
	}
	k.f.acked = 4
	again := k.f.talk(t)
	again.say(again.failed(5))
	if got := again.ack(); got != 5 {
		t.Errorf("report 5 on a new stream is acknowledged with %d, want 5", got)
	}
}

// command reads on to a command.
func (k *talk) command() *pb.ConnectResponse {
	k.t.Helper()
	for {
		if m := k.next(); m.GetSequence() > 0 {
			return m
		}
	}
}

// TestCommandsComeAgain: what did not arrive over one stream comes over the next.
func TestCommandsComeAgain(t *testing.T) {
	cfg := testConfig(t.TempDir())
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	f := newFake(t, c, "a", 1, 1)
	k := f.talk(t)
	id := submit(t, cluster, shape("words"))
	if spec, launch := k.command(), k.command(); spec.GetJobSpec() == nil || launch.GetLaunch() == nil || launch.GetSequence() != 2 {
		t.Fatalf("commands %v and %v, want the job and then an attempt", spec, launch)
	}
	for _, arrived := range []uint64{0, 1} {
		f.commands = arrived
		k = f.talk(t)
		if got := k.registered.GetFirstCommand(); got != arrived+1 {
			t.Errorf("after %d commands the next is %d", arrived, got)
		}
		if arrived == 0 {
			k.command()
		}
		if m := k.command(); m.GetSequence() != 2 || m.GetLaunch() == nil {
			t.Errorf("after %d commands %v comes again, want the attempt", arrived, m)
		}
	}
	// It has arrived now, and runs.
	f.commands = 2
	attempt := plan.AttemptID{Job: mapAttempt(t, id, 0, 0).Job, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: 1}
	f.running[attempt] = func() {}
	if k = f.talk(t); k.registered.GetFirstCommand() != 3 {
		t.Errorf("after 2 commands the next is %d, want 3", k.registered.GetFirstCommand())
	}
	if _, err := cluster.CancelJob(within(t), connect.NewRequest(&pb.CancelJobRequest{JobId: id})); err != nil {
		t.Fatal(err)
	}
	if m := k.command(); m.GetSequence() != 3 || m.GetCancel() == nil {
		t.Errorf("command %v, want that the attempt is canceled", m)
	}
	// A coordinator that starts anew says it again, in numbers of its own.
	shut(t, c)
	c = start(t, cfg)
	f.address = c.Address()
	if k = f.talk(t); k.registered.GetFirstCommand() != 1 {
		t.Errorf("in a new term the next command is %d, want 1", k.registered.GetFirstCommand())
	}
	if m := k.command(); m.GetSequence() != 1 || m.GetCancel() == nil {
		t.Errorf("command %v in a new term, want that the attempt is canceled", m)
	}
}

func TestStreamRefuses(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	for _, tc := range []struct {
		name string
		say  func(k *talk) *pb.ConnectRequest
		want string
	}{
		{"nothing", func(k *talk) *pb.ConnectRequest { return &pb.ConnectRequest{Session: k.f.session} }, "message: is missing"},
		{"second register", func(k *talk) *pb.ConnectRequest { return k.f.registration() }, "registers once"},
		{"report without number", func(k *talk) *pb.ConnectRequest { return k.failed(0) }, "this message is numbered"},
		{"numbered heartbeat", func(k *talk) *pb.ConnectRequest {
			return &pb.ConnectRequest{Session: k.f.session, Sequence: 1, Message: &pb.ConnectRequest_Heartbeat{Heartbeat: &pb.Heartbeat{}}}
		}, "this message is not numbered"},
		{"ack of the future", func(k *talk) *pb.ConnectRequest {
			return &pb.ConnectRequest{Session: k.f.session, Message: &pb.ConnectRequest_Ack{Ack: &pb.Ack{Sequence: 1 << 60}}}
		}, "is acknowledged, and the last one was 0"},
		{"odd attempt", func(k *talk) *pb.ConnectRequest {
			m := k.failed(1)
			m.GetAttemptFailed().Attempt.Job = []byte("short")
			return m
		}, "attempt.job: 5 bytes, want 16"},
		{"endless drain", func(k *talk) *pb.ConnectRequest {
			return &pb.ConnectRequest{Session: k.f.session, Sequence: 1, Message: &pb.ConnectRequest_DrainRequested{DrainRequested: &pb.DrainRequested{DeadlineMillis: 1 << 62}}}
		}, "deadline_millis: is"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newFake(t, c, tc.name, 1, 1).talk(t)
			k.say(tc.say(k))
			if err := k.end(); connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the stream ends with %v, want %q", err, tc.want)
			}
		})
	}
}

// TestLeave: an executor that leaves is gone at once, and its session is over.
func TestLeave(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	f := newFake(t, c, "a", 1, 1)
	k := f.talk(t)
	k.say(&pb.ConnectRequest{Session: f.session, Sequence: 1, Message: &pb.ConnectRequest_Leave{Leave: &pb.Leave{Reason: "done"}}})
	if got := k.ack(); got != 1 {
		t.Errorf("Leave is acknowledged with %d, want 1", got)
	}
	k.end()
	if n := nodes(t, cluster)["a"]; n.GetState() != pb.NodeState_NODE_STATE_LOST {
		t.Errorf("node a is %v, want lost", n)
	}
	f.connect(within(t))
	if f.fenced == "" {
		t.Errorf("a session that left registers again: %v, want a fence", f.refusal)
	}
}

func nodes(t testing.TB, c interface {
	ListNodes(context.Context, *connect.Request[pb.ListNodesRequest]) (*connect.Response[pb.ListNodesResponse], error)
}) map[string]*pb.Node {
	t.Helper()
	list, err := c.ListNodes(within(t), connect.NewRequest(&pb.ListNodesRequest{}))
	if err != nil {
		t.Fatalf("ListNodes = %v", err)
	}
	out := map[string]*pb.Node{}
	for _, n := range list.Msg.GetNodes() {
		out[n.GetId()] = n
	}
	return out
}

// TestDrain: attempts under way end, no new ones come, work goes elsewhere.
func TestDrain(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	a := newFake(t, c, "a", 1, 3)
	a.gate = gate.wait
	a.run()
	id := submit(t, cluster, shape("words"))
	a.until("a map attempt", func() bool { return a.launched[mapAttempt(t, id, 0, 1)] == 1 })
	got, err := cluster.DrainNode(within(t), connect.NewRequest(&pb.DrainNodeRequest{NodeId: "a", Reason: "update"}))
	if err != nil || got.Msg.GetNode().GetState() != pb.NodeState_NODE_STATE_DRAINING || got.Msg.GetNode().GetReason() != "update" {
		t.Fatalf("DrainNode(a) = %v, %v, want draining", got, err)
	}
	a.until("a drain", func() bool { return a.drained })
	b := newFake(t, c, "b", 1, 3)
	b.gate = atOnce
	b.run()
	close(gate.gate)
	wantDone(t, cluster, id)
	if n := count(0, a); n != 1 {
		t.Errorf("%d map attempts on the drained executor, want 1", n)
	}
	if _, err := cluster.DrainNode(within(t), connect.NewRequest(&pb.DrainNodeRequest{NodeId: "zzz"})); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("DrainNode(zzz) = %v, want not found", err)
	}
	// An executor may ask for it by itself.
	b.locked(func() {
		b.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_DrainRequested{DrainRequested: &pb.DrainRequested{DeadlineMillis: 10, Reason: "SIGTERM"}}})
	})
	b.poke()
	b.until("a drain that it asked for", func() bool { return b.drained })
}

// TestHint: gossip ends no session.
func TestHint(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	f := newFake(t, c, "a", 1, 1)
	k := f.talk(t)
	c.suspect("a")
	c.suspect("nobody")
	if got := k.ack(); got != 0 {
		t.Errorf("a probe acknowledges %d, want 0", got)
	}
	k.say(k.failed(1))
	if got := k.ack(); got != 1 {
		t.Errorf("after a hint a report is acknowledged with %d, want 1: the session lives", got)
	}
}
