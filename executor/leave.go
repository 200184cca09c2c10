package executor

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// leaving is how a session ends by its own will or by a drain.
type leaving struct {
	deadline time.Time
	reason   string
	stopped  bool   // the deadline is over: attempts were stopped
	report   uint64 // the number of the Leave; 0 before it
}

const (
	// leaveMargin is how long after the deadline a coordinator may take to take
	// note; what it does not learn it finds out by the lease.
	leaveMargin = 5 * time.Second
)

// leave asks the coordinator for a drain, because the executor shall stop.
func (s *session) leave(d departure) {
	if s.leaving != nil {
		s.leaving.deadline = earlier(s.leaving.deadline, time.Now().Add(d.grace))
		return
	}
	s.drain(d.grace, d.reason)
	s.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_DrainRequested{DrainRequested: &pb.DrainRequested{
		DeadlineMillis: d.grace.Milliseconds(), Reason: d.reason,
	}}})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// drain begins to leave.
func (s *session) drain(grace time.Duration, reason string) {
	if s.leaving == nil {
		s.log.Info("leaving the cluster", "executor", s.e.name, "dur", grace, "reason", reason, "running", len(s.running))
		s.leaving = &leaving{deadline: time.Now().Add(grace), reason: reason}
	}
}

// hurry goes on with leaving: when the last job that needs this executor is over,
// or the deadline is.
func (s *session) hurry() {
	l := s.leaving
	if l == nil || l.report != 0 {
		return
	}
	late := !time.Now().Before(l.deadline)
	if late && !l.stopped {
		l.stopped = true
		for _, j := range s.jobs {
			j.kill()
		}
	}
	if late && len(s.running) == 0 || s.needless() {
		l.report = s.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_Leave{Leave: &pb.Leave{Reason: l.reason}}})
	}
}

// needless reports whether no job needs this executor: nothing runs, and the jobs
// that ran here are over, with what they wrote.
func (s *session) needless() bool { return len(s.running) == 0 && len(s.jobs) == 0 }

// left reports whether the executor has left, or waited long enough.
func (s *session) left() bool {
	l := s.leaving
	if l == nil {
		return false
	}
	if l.report != 0 && (s.reports.first() > l.report || s.out == nil) {
		return true // nobody is there whom it would matter to: the lease tells
	}
	return time.Since(l.deadline) > leaveMargin
}
