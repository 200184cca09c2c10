package coordinator

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// read checks a message of a registered executor and returns what the loop does
// about it; nil for nothing. It runs outside the loop.
func read(s *session, st *stream, m *pb.ConnectRequest) (input, error) {
	if err := wire.CheckRequest(m); err != nil {
		return nil, err
	}
	if m.GetSession() != uint64(s.id) {
		return nil, nil // of another life
	}
	switch v := m.GetMessage().(type) {
	case *pb.ConnectRequest_Heartbeat:
		progress, err := wire.DecodeAttemptProgress(v.Heartbeat.GetAttempts())
		return func(l *loop) { l.heartbeat(s, st, v.Heartbeat, progress) }, err
	case *pb.ConnectRequest_Ack:
		return func(l *loop) { l.acked(s, st, v.Ack.GetSequence()) }, nil
	case *pb.ConnectRequest_AttemptFinished:
		f, err := wire.DecodeFinished(v.AttemptFinished)
		ev := schedule.AttemptFinished{Executor: s.executor, Session: s.id, Attempt: f.Attempt, Result: f.Result}
		return func(l *loop) { l.report(s, st, m.GetSequence(), ev) }, err
	case *pb.ConnectRequest_AttemptFailed:
		f, err := wire.DecodeFailed(v.AttemptFailed)
		ev := schedule.AttemptFailed{Executor: s.executor, Session: s.id, Attempt: f.Attempt, Failure: f.Failure, Unreadable: f.Unreadable, Working: f.Working}
		return func(l *loop) { l.report(s, st, m.GetSequence(), ev) }, err
	case *pb.ConnectRequest_DrainRequested:
		how, err := readDrain(v.DrainRequested.GetDeadlineMillis(), v.DrainRequested.GetReason())
		return func(l *loop) { l.drainRequested(s, st, m.GetSequence(), how) }, err
	case *pb.ConnectRequest_RunJob:
		r, err := wire.DecodeRunJob(v.RunJob)
		return func(l *loop) { l.runJob(s, st, r) }, err
	case *pb.ConnectRequest_Leave:
		return func(l *loop) { l.leave(s, st, m.GetSequence(), v.Leave.GetReason()) }, nil
	}
	return nil, fault.New(fault.Invalid, "an executor registers once in a stream")
}

const (
	maxReason        = 4 << 10
	maxDrainDeadline = 30 * 24 * time.Hour
)

// readDrain checks how an executor is to be drained.
func readDrain(millis int64, reason string) (record.Drain, error) {
	if millis < 0 || millis > maxDrainDeadline.Milliseconds() {
		return record.Drain{}, fault.New(fault.Invalid, "deadline_millis: is %d, want 0 to %d", millis, maxDrainDeadline.Milliseconds())
	}
	if len(reason) > maxReason {
		return record.Drain{}, fault.New(fault.Invalid, "reason: %d bytes, at most %d", len(reason), maxReason)
	}
	return record.Drain{Deadline: time.Duration(millis) * time.Millisecond, Reason: reason}, nil
}

// current reports whether a stream is that of a session which lives; a message
// of another one came too late.
func (l *loop) current(s *session, st *stream) bool {
	if l.session(s.executor, s.id) != s || s.stream != st {
		return false
	}
	l.renew(s)
	return true
}

func (l *loop) heartbeat(s *session, st *stream, m *pb.Heartbeat, progress []wire.AttemptProgress) {
	if !l.current(s, st) {
		return
	}
	s.diskFree, s.memoryUsed = m.GetDiskFreeBytes(), m.GetMemoryUsedBytes()
	l.diskLow(s, m.GetDiskLow())
	for _, p := range progress {
		if !l.machine.core.Runs(s.executor, s.id, p.Attempt) {
			continue
		}
		of := l.progress[p.Attempt.Job]
		if of == nil {
			of = map[plan.AttemptID]wire.AttemptProgress{}
			l.progress[p.Attempt.Job] = of
		}
		of[p.Attempt] = p
	}
	st.ack(s.durable, m.GetBeat())
}

// diskLow follows an executor that became low on disk space, or has room again.
func (l *loop) diskLow(s *session, low bool) {
	core, live := l.machine.core.Session(s.executor)
	if !live || core.Session != s.id || core.Low == low {
		return
	}
	// Another heartbeat may come before this counts: then it is said twice.
	l.propose(record.Record{Event: schedule.DiskLow{At: l.now(), Executor: s.executor, Session: s.id, Low: low}}, func(err error) {
		switch {
		case err != nil:
		case low:
			l.log.Warn("executor is low on disk space: it gets no more attempts", "executor", s.executor, "bytes", s.diskFree)
		default:
			l.log.Info("executor has room on its disks again", "executor", s.executor, "bytes", s.diskFree)
		}
	})
}

func (l *loop) acked(s *session, st *stream, sequence uint64) {
	switch {
	case !l.current(s, st):
	case sequence >= s.next:
		s.detach(st, fault.New(fault.Invalid, "command %d is acknowledged, and the last one was %d", sequence, s.next-1))
	default:
		s.arrived(sequence)
	}
}

// number checks the number of a report and reports whether it is a new one. One
// that was seen is acknowledged again; behind a gap there is something lost.
func (l *loop) number(s *session, st *stream, sequence uint64) bool {
	switch {
	case !l.current(s, st):
		return false
	case sequence <= s.taken:
		st.ack(s.durable, 0)
		return false
	case sequence > s.taken+1:
		s.detach(st, fault.New(fault.Invalid, "report %d came after report %d", sequence, s.taken))
		return false
	}
	s.taken = sequence
	return true
}

// settled makes what acknowledges a report once it is durable.
func settled(s *session, sequence uint64) func(error) {
	return func(err error) {
		if err == nil {
			s.durable = max(s.durable, sequence)
			if s.stream != nil {
				s.stream.ack(s.durable, 0)
			}
		}
	}
}

// report takes the end of an attempt.
func (l *loop) report(s *session, st *stream, sequence uint64, ev schedule.Event) {
	if !l.number(s, st, sequence) {
		return
	}
	_ = failpoint.Hit(failpoint.ReportTaken) // nothing here can fail
	switch ev := ev.(type) {
	case schedule.AttemptFinished:
		if ev.Attempt.Task.Stage == plan.PublishStage {
			_ = failpoint.Hit(failpoint.PublishTaken) // nor here
		}
		ev.At = l.now()
		delete(l.progress[ev.Attempt.Job], ev.Attempt)
		l.propose(record.Record{Event: ev}, func(err error) {
			if fault.KindOf(err) == fault.Invalid {
				l.unfit(s, sequence, ev.Attempt, err)
				return
			}
			settled(s, sequence)(err)
		})
	case schedule.AttemptFailed:
		ev.At = l.now()
		delete(l.progress[ev.Attempt.Job], ev.Attempt)
		l.propose(record.Record{Event: ev}, settled(s, sequence))
	}
}

// unfit takes a result that the journal does not: the attempt failed then.
func (l *loop) unfit(s *session, sequence uint64, id plan.AttemptID, why error) {
	l.propose(record.Record{Event: schedule.AttemptFailed{
		At: l.now(), Executor: s.executor, Session: s.id, Attempt: id,
		Failure: fault.Report{Kind: fault.Invalid, Message: "its result cannot be kept, collect fewer rows: " + why.Error()},
	}}, settled(s, sequence))
}

// unfitLaunch takes an assignment that fits no message: the attempt failed then.
func (l *loop) unfitLaunch(s *session, id plan.AttemptID, why error) {
	l.propose(record.Record{Event: schedule.AttemptFailed{
		At: l.now(), Executor: s.executor, Session: s.id, Attempt: id,
		Failure: fault.Report{Kind: fault.Invalid, Message: "what it reads cannot be told to its executor, use fewer and larger inputs: " + why.Error()},
	}}, nil)
}

func (l *loop) drainRequested(s *session, st *stream, sequence uint64, how record.Drain) {
	if l.number(s, st, sequence) {
		l.drain(s, how, settled(s, sequence))
	}
}

// drain stops the use of an executor.
func (l *loop) drain(s *session, how record.Drain, then func(error)) {
	ev := schedule.ExecutorDraining{At: l.now(), Executor: s.executor, Session: s.id}
	l.propose(record.Record{Event: ev, Drain: &how}, func(err error) {
		if err == nil {
			l.log.Info("executor drains", "executor", s.executor, "dur", how.Deadline, "reason", how.Reason)
			s.sendDrain(how)
		}
		then(err)
	})
}

// leave ends a session at its executor's wish.
func (l *loop) leave(s *session, st *stream, sequence uint64, reason string) {
	if !l.number(s, st, sequence) {
		return
	}
	l.log.Info("executor leaves", "executor", s.executor, "reason", reason[:min(len(reason), maxReason)])
	delete(l.sessions, s.executor)
	l.dropProgress(s)
	l.propose(record.Record{Event: schedule.ExecutorLost{At: l.now(), Executor: s.executor, Session: s.id}}, func(err error) {
		settled(s, sequence)(err)
		s.detach(st, nil)
	})
	l.tellAddresses([]*pb.ExecutorAddress{{Executor: string(s.executor)}}, s)
}
