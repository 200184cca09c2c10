package coordinator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// story makes the records of jobs on executors, at random.
type story struct {
	t       testing.TB
	r       *rand.Rand
	machine *machine
	pending []record.Record
	session plan.SessionID
	at      time.Duration
	twin    *machine // is told the same, if there is one
}

func newStory(t testing.TB, seed uint64) *story {
	s := &story{t: t, r: rand.New(rand.NewPCG(seed, 7)), machine: newMachine(schedule.Config{})}
	for range 2 {
		s.join()
	}
	for i := range 3 {
		s.submit(i)
	}
	return s
}

func (s *story) join() {
	s.session++
	name := plan.ExecutorID(fmt.Sprint("e", s.session%3))
	s.pending = append(s.pending, record.Record{
		Event:   schedule.ExecutorJoined{Executor: name, Session: s.session, Slots: 1 + s.r.IntN(3)},
		Details: &record.Details{DataAddress: fmt.Sprint("127.0.0.1:", s.session), OS: "linux", Arch: "amd64"},
	})
}

func (s *story) submit(i int) {
	p, err := wire.DecodePlan(shape("words").GetPlan())
	if err != nil {
		s.t.Fatal(err)
	}
	id := plan.JobID{byte(i + 1), byte(s.r.IntN(256))}
	s.pending = append(s.pending, record.Record{
		Event: schedule.JobSubmitted{Job: id, Plan: p, Priority: s.r.IntN(3) - 1, MaxRunning: s.r.IntN(3)},
		Submission: &record.Submission{Owner: "ada", IdempotencyKey: fmt.Sprint("key", i), Spec: plan.JobSpec{
			Job: id, Name: fmt.Sprint("job", i), ArtifactSHA256: programName(), Graph: []string{"a", "b"},
		}},
	})
}

// step applies one record, as bytes, and lets its actions have consequences.
func (s *story) step() bool {
	if len(s.pending) == 0 {
		return false
	}
	i := s.r.IntN(len(s.pending))
	r := s.pending[i]
	s.pending = append(s.pending[:i], s.pending[i+1:]...)
	s.at += time.Millisecond
	r.UnixNanos = int64(s.at)
	r.Event = stampEvent(r.Event, s.at)
	data, err := record.Encode(r)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.machine.Apply(1, data)
	if s.twin != nil {
		if diff := cmp.Diff(got, s.twin.Apply(1, data)); diff != "" {
			s.t.Fatalf("Apply(%s) of a machine and its copy (-machine +copy):\n%s", record.Name(r.Event), diff)
		}
	}
	actions, ok := got.([]schedule.Action)
	if !ok {
		s.t.Fatalf("Apply(%s) = %v", record.Name(r.Event), got)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case schedule.Launch:
			s.answer(a)
		case schedule.JobDone:
			if s.r.IntN(3) == 0 {
				s.pending = append(s.pending, record.Record{Event: schedule.JobForgotten{Job: a.Job}})
			}
		}
	}
	return true
}

func stampEvent(ev schedule.Event, at time.Duration) schedule.Event {
	switch ev := ev.(type) {
	case schedule.JobSubmitted:
		ev.At = at
		return ev
	case schedule.ExecutorJoined:
		ev.At = at
		return ev
	case schedule.AttemptFinished:
		ev.At = at
		return ev
	}
	return ev
}

func (s *story) answer(l schedule.Launch) {
	id := l.Assignment.Attempt
	if s.r.IntN(8) == 0 {
		s.pending = append(s.pending, record.Record{Event: schedule.AttemptFailed{
			Executor: l.Executor, Session: l.Session, Attempt: id, Failure: fault.Report{Kind: fault.Lost, Message: "away"},
		}})
		return
	}
	if s.session < 9 && s.r.IntN(10) == 0 {
		s.pending = append(s.pending, record.Record{Event: schedule.ExecutorDraining{Executor: l.Executor, Session: l.Session}, Drain: &record.Drain{Reason: "update"}})
		s.pending = append(s.pending, record.Record{Event: schedule.ExecutorLost{Executor: l.Executor, Session: l.Session}})
		s.join()
	}
	f := &fake{splits: 3, held: map[plan.OutputID]bool{}}
	s.pending = append(s.pending, record.Record{Event: schedule.AttemptFinished{
		Executor: l.Executor, Session: l.Session, Attempt: id, Result: f.result(l.Assignment),
	}})
}

func imageOf(t testing.TB, m *machine) []byte {
	t.Helper()
	write, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func plainImage(t testing.TB, data []byte) []byte {
	t.Helper()
	plain, err := io.ReadAll(s2.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestSnapshot: a machine that was made from a snapshot does what the one does
// that it was taken from.
func TestSnapshot(t *testing.T) {
	ended := 0
	for seed := range uint64(100) {
		s := newStory(t, seed)
		for range s.r.IntN(60) {
			s.step()
		}
		data := imageOf(t, s.machine)
		s.twin = newMachine(schedule.Config{})
		if err := s.twin.Restore(bytes.NewReader(data)); err != nil {
			t.Fatalf("seed %d: Restore = %v", seed, err)
		}
		for s.step() {
		}
		a, b := plainImage(t, imageOf(t, s.machine)), plainImage(t, imageOf(t, s.twin))
		if !bytes.Equal(a, b) {
			t.Fatalf("seed %d: at the end the copy is\n%s\nwant\n%s", seed, b, a)
		}
		if len(s.twin.keys) != len(s.machine.keys) || s.twin.finishedBytes != s.machine.finishedBytes {
			t.Fatalf("seed %d: the copy has %d keys and %d bytes, want %d and %d", seed, len(s.twin.keys), s.twin.finishedBytes, len(s.machine.keys), s.machine.finishedBytes)
		}
		ended += len(s.machine.finished)
	}
	if ended < 100 {
		t.Errorf("%d jobs ended: too few to prove anything", ended)
	}
}

// TestSnapshotDamaged: damage is an error or does no harm; it never panics.
func TestSnapshotDamaged(t *testing.T) {
	s := newStory(t, 3)
	for range 25 {
		s.step()
	}
	data := imageOf(t, s.machine)
	for n := 0; n < len(data); n += 1 + len(data)/200 {
		if err := newMachine(schedule.Config{}).Restore(bytes.NewReader(data[:n])); fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("Restore(%d of %d bytes) = %v of kind %v, want kind corrupt", n, len(data), err, fault.KindOf(err))
		}
	}
	plain := plainImage(t, data)
	offset := s.r.IntN(16)
	for i := offset; i < len(plain); i += 16 {
		for _, c := range []byte("-19x") {
			damaged := bytes.Clone(plain)
			damaged[i] = c
			var im image
			d := json.NewDecoder(bytes.NewReader(damaged))
			d.DisallowUnknownFields()
			if d.Decode(&im) == nil {
				_ = newMachine(schedule.Config{}).restore(&im) // must return
			}
		}
	}
}

// TestApplyRefuses: a record that is not understood ends the coordinator.
func TestApplyRefuses(t *testing.T) {
	m := newMachine(schedule.Config{})
	err, ok := m.Apply(1, []byte("garbage")).(error)
	if !ok || fault.KindOf(err) != fault.Corrupt {
		t.Fatalf("Apply(garbage) = %v, want an error of kind corrupt", err)
	}
	tick, encodeErr := record.Encode(record.Record{Event: schedule.Tick{At: 1}})
	if encodeErr != nil {
		t.Fatal(encodeErr)
	}
	if got := m.Apply(1, tick); got != err {
		t.Errorf("Apply(tick) after it = %v, want %v", got, err)
	}
	if _, got := m.Snapshot(); got != err {
		t.Errorf("Snapshot() after it = %v, want %v", got, err)
	}
}

// FuzzReport gives the loop what an executor might send.
func FuzzReport(f *testing.F) {
	id := wire.EncodeAttemptID(plan.AttemptID{Job: plan.JobID{1}, Number: 1})
	for _, m := range []*pb.ConnectRequest{
		{Session: 1, Message: &pb.ConnectRequest_Heartbeat{Heartbeat: &pb.Heartbeat{Beat: 1, Attempts: []*pb.AttemptProgress{{Attempt: id, Rows: 1}}}}},
		{Session: 1, Message: &pb.ConnectRequest_Ack{Ack: &pb.Ack{Sequence: 1}}},
		{Session: 1, Sequence: 1, Message: &pb.ConnectRequest_AttemptFinished{AttemptFinished: &pb.AttemptFinished{Attempt: id, Result: &pb.Result{Figures: &pb.Figures{}}}}},
		{Session: 1, Sequence: 1, Message: &pb.ConnectRequest_AttemptFailed{AttemptFailed: &pb.AttemptFailed{Attempt: id, Failure: &pb.FaultReport{Kind: pb.FaultKind_FAULT_KIND_USER}}}},
		{Session: 1, Sequence: 1, Message: &pb.ConnectRequest_DrainRequested{DrainRequested: &pb.DrainRequested{DeadlineMillis: 1}}},
		{Session: 1, Sequence: 1, Message: &pb.ConnectRequest_Leave{Leave: &pb.Leave{Reason: "bye"}}},
	} {
		data, err := wire.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	story := newStory(f, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m pb.ConnectRequest
		if wire.Unmarshal(data, &m) != nil {
			return
		}
		c := &Coordinator{cfg: testConfig("").withDefaults(), machine: newMachine(schedule.Config{})}
		c.log = c.cfg.Log
		for _, r := range story.pending {
			c.machine.apply(r)
		}
		l := newLoop(c, 1)
		st := newStream(1, 1)
		s := l.sessions["e1"]
		s.stream = st
		in, err := read(s, st, &m)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("read = %v of kind %v, want kind invalid", err, fault.KindOf(err))
		}
		if err != nil || in == nil {
			return
		}
		in(l)
		for _, p := range l.batch { // what is accepted is fit for the journal
			if _, ok := c.machine.Apply(1, p.data).([]schedule.Action); !ok {
				t.Fatalf("a record of %d bytes cannot be applied: %v", len(p.data), c.machine.err)
			}
		}
	})
}
