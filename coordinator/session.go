package coordinator

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// maxUnacked bounds the commands that are kept for an executor which lives and
// does not say that they arrive. Slots bound its launches.
const maxUnacked = 1 << 17

// session is an executor's session in this term. It belongs to the loop.
type session struct {
	executor plan.ExecutorID
	id       plan.SessionID
	term     uint64
	stream   *stream // nil while none is open

	heard   time.Time // when it was heard of last; zero if not in this term
	expires time.Time // when the session is over
	probed  bool      // a hint was followed since it was heard of

	// taken is the highest report that was handed to the journal; it is durable
	// when its proposal has returned.
	taken, durable uint64
	// unacked are the commands that have not arrived for sure, in order.
	// Invariant: their numbers have no gaps and end at next-1.
	unacked []command
	next    uint64

	specs   map[plan.JobID]bool // sent in this term
	drained bool                // Drain was sent in this term

	diskFree   int64
	memoryUsed int64
}

// command is a numbered message to an executor. It is made when it is sent, by
// the goroutine of the stream: the outputs that a Launch names may be many.
type command struct {
	sequence uint64
	attempt  plan.AttemptID // of a Launch
	launch   bool
	fill     func(*pb.ConnectResponse)
}

func (l *loop) addSession(e plan.ExecutorID, id plan.SessionID, expires time.Time) *session {
	s := &session{executor: e, id: id, term: l.term, expires: expires, next: 1, specs: map[plan.JobID]bool{}}
	l.sessions[e] = s
	return s
}

// session returns a session if it is the executor's.
func (l *loop) session(e plan.ExecutorID, id plan.SessionID) *session {
	if s := l.sessions[e]; s != nil && s.id == id {
		return s
	}
	return nil
}

// command numbers a command, keeps it until it has arrived, and sends it.
func (s *session) command(c command) {
	c.sequence = s.next
	s.next++
	s.unacked = append(s.unacked, c)
	if s.stream != nil {
		s.stream.send(s.message(c))
	}
}

// message returns what makes the message of a command.
func (s *session) message(c command) func() *pb.ConnectResponse {
	term, session := s.term, uint64(s.id)
	return func() *pb.ConnectResponse {
		m := &pb.ConnectResponse{Term: term, Session: session, Sequence: c.sequence}
		c.fill(m)
		return m
	}
}

// plainly sends a message that is not numbered.
func (s *session) plainly(m *pb.ConnectResponse) {
	if s.stream != nil {
		m.Term, m.Session = s.term, uint64(s.id)
		s.stream.send(func() *pb.ConnectResponse { return m })
	}
}

// arrived drops the commands up to a number.
func (s *session) arrived(sequence uint64) {
	n := 0
	for n < len(s.unacked) && s.unacked[n].sequence <= sequence {
		n++
	}
	if s.unacked = s.unacked[n:]; len(s.unacked) == 0 {
		s.unacked = nil
	}
}

// underway reports whether a Launch has not arrived for sure.
func (s *session) underway(id plan.AttemptID) bool {
	for _, c := range s.unacked {
		if c.launch && c.attempt == id {
			return true
		}
	}
	return false
}

// detach ends a stream of the session, if it is its stream still.
func (s *session) detach(st *stream, why error) {
	if st == nil {
		return
	}
	st.end(why)
	if s.stream == st {
		s.stream = nil
	}
}

func (l *loop) launch(s *session, a plan.Assignment) {
	job := a.Attempt.Job
	if j := l.machine.jobs[job]; j != nil && !s.specs[job] {
		s.specs[job] = true
		spec := j.submission.Spec
		spec.SubmittedUnixNanos = j.submittedUnix
		s.command(command{fill: func(m *pb.ConnectResponse) {
			m.Message = &pb.ConnectResponse_JobSpec{JobSpec: wire.EncodeJobSpec(&spec)}
		}})
	}
	s.command(command{attempt: a.Attempt, launch: true, fill: func(m *pb.ConnectResponse) {
		m.Message = &pb.ConnectResponse_Launch{Launch: &pb.Launch{Assignment: wire.EncodeAssignment(&a)}}
	}})
}

func (l *loop) releaseJob(s *session, job plan.JobID) {
	delete(s.specs, job)
	s.command(command{fill: func(m *pb.ConnectResponse) {
		m.Message = &pb.ConnectResponse_ReleaseJob{ReleaseJob: &pb.ReleaseJob{Job: wire.EncodeJobID(job)}}
	}})
}

func cancelCommand(id plan.AttemptID) command {
	return command{fill: func(m *pb.ConnectResponse) {
		m.Message = &pb.ConnectResponse_Cancel{Cancel: &pb.CancelAttempt{Attempt: wire.EncodeAttemptID(id)}}
	}}
}

func releaseCommand(ids []plan.AttemptID) command {
	return command{fill: func(m *pb.ConnectResponse) {
		m.Message = &pb.ConnectResponse_Release{Release: &pb.Release{Attempts: wire.EncodeAttemptIDs(ids)}}
	}}
}

// sendDrain tells an executor once in a term that it is drained.
func (s *session) sendDrain(d record.Drain) {
	if s.drained {
		return
	}
	s.drained = true
	s.command(command{fill: func(m *pb.ConnectResponse) {
		m.Message = &pb.ConnectResponse_Drain{Drain: &pb.Drain{DeadlineMillis: d.Deadline.Milliseconds(), Reason: d.Reason}}
	}})
}

// renew notes that a session is alive.
func (l *loop) renew(s *session) {
	s.heard, s.probed = time.Now(), false
	s.expires = s.heard.Add(l.cfg.LeaseTTL)
}

// expireLeases ends the sessions that were not heard of for too long.
func (l *loop) expireLeases() {
	now := time.Now()
	if gap := now.Sub(l.last); !l.last.IsZero() && gap > l.cfg.LeaseTTL/2 {
		// It was this process that slept: heartbeats wait to be read.
		l.log.Warn("the coordinator was held up: leases are extended", "dur", gap)
		for _, s := range l.sessions {
			s.expires = s.expires.Add(gap)
		}
	}
	l.last = now
	for _, s := range l.sessions {
		if len(s.unacked) > maxUnacked {
			l.log.Warn("executor lost: it acknowledges nothing", "executor", s.executor, "commands", len(s.unacked))
			l.endSession(s, "too many commands were not acknowledged")
			continue
		}
		if now.After(s.expires) {
			l.log.Warn("executor lost: its lease ran out", "executor", s.executor, "dur", l.cfg.LeaseTTL)
			l.endSession(s, "the lease ran out: nothing was heard of the executor for too long")
		}
	}
}

// endSession drops a session, tells its executor, and lets the scheduler know.
func (l *loop) endSession(s *session, why string) {
	if l.sessions[s.executor] != s {
		return
	}
	delete(l.sessions, s.executor)
	l.dropProgress(s)
	s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_Fence{Fence: &pb.Fence{Reason: why}}})
	s.detach(s.stream, fault.New(fault.Lost, "session %d of executor %s is over: %s", s.id, s.executor, why))
	l.propose(record.Record{Event: schedule.ExecutorLost{At: l.now(), Executor: s.executor, Session: s.id}}, nil)
	l.tellAddresses([]*pb.ExecutorAddress{{Executor: string(s.executor)}}, s)
}

// tellAddresses tells all executors but one where others serve map outputs.
func (l *loop) tellAddresses(addresses []*pb.ExecutorAddress, but *session) {
	for _, s := range l.sessions {
		if s != but {
			s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_Executors{Executors: &pb.Executors{Executors: addresses}}})
		}
	}
}

// addresses lists where all executors with a session serve map outputs.
func (l *loop) addresses() *pb.Executors {
	all := &pb.Executors{Complete: true}
	for _, n := range l.machine.nodeList {
		if l.session(n.id, n.session) != nil && n.details.DataAddress != "" {
			all.Executors = append(all.Executors, &pb.ExecutorAddress{Executor: string(n.id), DataAddress: n.details.DataAddress})
		}
	}
	return all
}

// hint follows a word that an executor is dead: what is sent to it shows whether
// its stream is. Only the lease ends its session.
func (l *loop) hint(e plan.ExecutorID) {
	s := l.sessions[e]
	if s == nil || s.probed {
		return
	}
	s.probed = true
	l.log.Info("executor is said to be dead: asking", "executor", e)
	if s.stream != nil {
		s.stream.ack(s.durable, 0)
	}
}

func (l *loop) dropProgress(s *session) {
	for _, id := range l.machine.core.Running(s.executor, s.id) {
		delete(l.progress[id.Job], id)
	}
}
