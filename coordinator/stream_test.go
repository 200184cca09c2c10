package coordinator

import (
	"context"
	"strings"
	"testing"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestSlowStream: what waits for a slow executor is bounded.
func TestSlowStream(t *testing.T) {
	st := newStream(1, 2)
	for range maxPending {
		st.send(func() *pb.ConnectResponse { return nil })
	}
	if o := st.take(); len(o.messages) != maxPending || o.ended {
		t.Fatalf("%d messages wait, ended %v, want %d", len(o.messages), o.ended, maxPending)
	}
	for range maxPending + 1 {
		st.send(func() *pb.ConnectResponse { return nil })
	}
	if o := st.take(); len(o.messages) != 0 || !o.ended || fault.KindOf(o.why) != fault.Transient {
		t.Errorf("%d messages wait, ended %v: %v, want none and an end of kind transient", len(o.messages), o.ended, o.why)
	}
	st.send(func() *pb.ConnectResponse { return nil })
	if o := st.take(); len(o.messages) != 0 {
		t.Errorf("%d messages wait after the end, want none", len(o.messages))
	}
}

// TestAcksAreOne: however many acknowledgements are due, one goes out.
func TestAcksAreOne(t *testing.T) {
	st := newStream(1, 2)
	for n := range uint64(5) {
		st.ack(n, 10*n)
	}
	st.ack(3, 0)
	m := st.ackMessage(st.take().ack)
	if a := m.GetAck(); a.GetSequence() != 4 || a.GetBeat() != 40 || m.GetTerm() != 1 || m.GetSession() != 2 {
		t.Errorf("the acknowledgement is %v, want 4 and heartbeat 40", m)
	}
	if o := st.take(); o.ack != nil {
		t.Errorf("another acknowledgement %v is due, want none", o.ack)
	}
}

// TestLargeInputs: a large report whose executor goes away while it waits keeps
// no place of the few that there are.
func TestLargeInputs(t *testing.T) {
	l := testLoop(t)
	for range maxInputs {
		l.inputs <- func(*loop) {}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 * maxLarge {
		if err := l.giveSized(gone, func(*loop) {}, largeBytes+1); err == nil {
			t.Fatal("giveSized to a full loop = nil, want an error")
		}
	}
	if n := len(l.large); n != 0 {
		t.Errorf("%d places of %d are taken by nobody", n, maxLarge)
	}
}

// TestLargeLaunch: an assignment that fits no message fails its attempt and leaves
// the stream alone.
func TestLargeLaunch(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	k := newFake(t, c, "a", 1, 1).talk(t)
	id := submit(t, cluster, shape("words"))
	first := mapAttempt(t, id, 0, 1)
	first.Task.Stage = plan.EnumerateStage
	l, err := c.leader()
	if err != nil {
		t.Fatal(err)
	}
	a := plan.Assignment{Attempt: first, Work: plan.Run, Partition: &plan.Partition{FromKey: make([]byte, wire.MaxFrameBytes)}}
	if err := l.give(within(t), func(l *loop) { l.launch(l.sessions["a"], a) }); err != nil {
		t.Fatal(err)
	}
	for sequence := uint64(0); ; {
		m := k.next()
		if n := m.GetSequence(); n != 0 {
			if n != sequence+1 {
				t.Fatalf("command %d came after %d", n, sequence)
			}
			sequence = n
		}
		if m.GetCancel() != nil {
			break
		}
	}
	end, _ := await(t, cluster, id)
	if f := end.GetJob().GetFailure().GetFault(); end.GetExitCode() != 1 || !strings.Contains(f.GetMessage(), "use fewer and larger inputs") {
		t.Errorf("the job ends with %d: %v, want 1 and what to do", end.GetExitCode(), f)
	}
}

// testLoop is a loop over a story's executors e1 and e2, without a journal.
func testLoop(t *testing.T) *loop {
	t.Helper()
	c := &Coordinator{cfg: testConfig("").withDefaults(), machine: newMachine(schedule.Config{})}
	c.log = c.cfg.Log
	for _, r := range newStory(t, 1).pending {
		c.machine.apply(r)
	}
	return newLoop(c, 1)
}

// TestHeldUp: when the coordinator itself stood still nobody loses a lease.
func TestHeldUp(t *testing.T) {
	l := testLoop(t)
	for _, s := range l.sessions {
		l.renew(s)
		s.expires = time.Now().Add(-time.Second)
	}
	l.last = time.Now().Add(-l.cfg.LeaseTTL)
	l.expireLeases()
	if len(l.sessions) != 2 || len(l.batch) != 0 {
		t.Errorf("%d sessions and %d events after a standstill, want 2 and none", len(l.sessions), len(l.batch))
	}
	for _, s := range l.sessions {
		s.expires = time.Now().Add(-time.Second)
	}
	l.expireLeases()
	if len(l.sessions) != 0 || len(l.batch) != 2 {
		t.Errorf("%d sessions and %d events after leases ran out, want none and 2", len(l.sessions), len(l.batch))
	}
}

// TestUnacknowledged: what is kept for an executor that acknowledges nothing is
// bounded.
func TestUnacknowledged(t *testing.T) {
	l := testLoop(t)
	for _, s := range l.sessions {
		l.renew(s)
	}
	s := l.sessions["e1"]
	for range maxUnacked {
		s.command(releaseCommand(nil))
	}
	if l.expireLeases(); len(l.sessions) != 2 {
		t.Fatalf("%d sessions with %d commands that are kept, want 2", len(l.sessions), maxUnacked)
	}
	s.command(releaseCommand(nil))
	if l.expireLeases(); l.sessions["e1"] != nil || l.sessions["e2"] == nil || len(l.batch) != 1 {
		t.Errorf("sessions %v and %d events, want e2 alone and the loss of e1", l.sessions, len(l.batch))
	}
}
