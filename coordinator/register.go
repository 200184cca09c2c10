package coordinator

import (
	"errors"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// registration is a Register with its envelope.
type registration struct {
	wire.Registration
	term     uint64
	session  plan.SessionID
	protocol int // that both speak
}

// errFenced says that a session is over.
var errFenced = errors.New("the session is over: begin afresh under a new one")

// register lets an executor in, or back in.
func (l *loop) register(st *stream, r *registration, answer func(*session, error)) {
	if err := l.admit(r); err != nil {
		answer(nil, err)
		return
	}
	s := l.sessions[r.Executor]
	switch {
	case s != nil && s.id == r.session:
		fresh := s.heard.IsZero()
		l.attach(s, st, r)
		l.reconcile(s, r)
		l.log.Info("executor is back", "executor", r.Executor, "session", r.session, "running", len(r.Running), "first", fresh)
		answer(s, nil)
	case l.machine.core.Ended(r.Executor, r.session):
		answer(nil, errFenced)
	case s != nil && s.stream != nil:
		answer(nil, fault.New(fault.Transient, "executor %q is connected already under another session: if it has ended, its session ends within %v; if it has not, give this one another name", r.Executor, l.cfg.LeaseTTL))
	case l.joining[r.Executor]:
		answer(nil, fault.New(fault.Transient, "executor %q registers twice at once: try again", r.Executor))
	case len(l.sessions) >= l.cfg.Limits.Executors:
		answer(nil, fault.New(fault.Resource, "%d executors are connected, which is the limit", len(l.sessions)))
	case l.machine.nodes[r.Executor] == nil && len(l.machine.nodeList) >= maxNodes:
		answer(nil, fault.New(fault.Resource, "%d names of executors were seen already, which is the limit: keep their names over restarts", maxNodes))
	default:
		l.join(st, r, answer)
	}
}

// maxNodes bounds the names of executors that are remembered.
const maxNodes = 1 << 16

// maxSlots bounds the slots of an executor, and so what is launched there at once.
const maxSlots = 1 << 14

// admit refuses what cannot work together.
func (l *loop) admit(r *registration) error {
	if r.ClusterID != l.cluster {
		return fault.New(fault.Invalid, "executor %q belongs to cluster %s, and this coordinator to %s: remove the executor's directory, or join the other one", r.Executor, r.ClusterID, l.cluster)
	}
	if r.term > l.term {
		return fault.New(fault.Transient, "executor %q has seen term %d, and this coordinator's is %d: a newer one leads, or this one's directory is an old copy", r.Executor, r.term, l.term)
	}
	if r.Slots > maxSlots {
		return fault.New(fault.Invalid, "executor %q offers %d slots, at most %d are taken", r.Executor, r.Slots, maxSlots)
	}
	var err error
	r.protocol, err = wire.ExecutorProtocol.Agree("the coordinator", "executor "+string(r.Executor)+" (version "+r.BuildVersion+")", r.Protocol)
	return err
}

// join begins a session. An older one of the executor ends by that.
func (l *loop) join(st *stream, r *registration, answer func(*session, error)) {
	l.joining[r.Executor] = true
	ev := schedule.ExecutorJoined{At: l.now(), Executor: r.Executor, Session: r.session, Slots: r.Slots, Low: r.DiskLow}
	details := &record.Details{
		DataAddress: r.DataAddress, MemoryBytes: r.MemoryBytes, OS: r.OS, Arch: r.Arch, BuildVersion: r.BuildVersion, Isolation: r.Isolation,
	}
	if old := l.sessions[r.Executor]; old != nil {
		l.dropProgress(old)
	}
	l.propose(record.Record{Event: ev, Details: details}, func(err error) {
		if err != nil {
			answer(nil, err)
			return
		}
		s := l.addSession(r.Executor, r.session, time.Time{})
		l.attach(s, st, r)
		l.disown(s, r)
		l.tellAddresses([]*pb.ExecutorAddress{{Executor: string(r.Executor), DataAddress: r.DataAddress}}, s)
		l.log.Info("executor joined", "executor", r.Executor, "session", r.session, "slots", r.Slots, "address", r.DataAddress)
		answer(s, nil)
	})
}

// attach makes a stream that of its session and sends what has not arrived.
func (l *loop) attach(s *session, st *stream, r *registration) {
	s.detach(s.stream, fault.New(fault.Transient, "a newer stream of the same session took over"))
	s.stream = st
	l.renew(s)
	// Reports before the first that is kept were acknowledged, perhaps by a
	// coordinator before this one.
	if first := r.FirstReport - 1; first > s.taken {
		s.taken, s.durable = first, first
	}
	if r.term == l.term {
		s.arrived(min(r.CommandsReceived, s.next-1))
	}
	first := s.next
	if len(s.unacked) > 0 {
		first = s.unacked[0].sequence
	}
	s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_Registered{Registered: &pb.Registered{
		ClusterId: l.cluster, Protocol: int32(r.protocol), BuildVersion: l.cfg.BuildVersion,
		LeaseTtlMillis: l.cfg.LeaseTTL.Milliseconds(), HeartbeatMillis: l.cfg.Heartbeat.Milliseconds(),
		ReportsReceived: s.durable, FirstCommand: first,
	}}})
	s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_Executors{Executors: l.addresses()}})
	for _, c := range s.unacked {
		st.send(s.message(c))
	}
}

// reconcile compares what an executor that came back says with what is known.
func (l *loop) reconcile(s *session, r *registration) {
	listed := make(map[plan.AttemptID]bool, len(r.Running))
	for _, id := range r.Running {
		listed[id] = true
	}
	for _, id := range l.machine.core.Running(s.executor, s.id) {
		switch {
		case listed[id]:
			if l.machine.core.Canceled(id) {
				s.command(cancelCommand(id)) // again: the order may have gone down with a coordinator
			}
		case !s.underway(id):
			l.propose(record.Record{Event: schedule.AttemptFailed{
				At: l.now(), Executor: s.executor, Session: s.id, Attempt: id,
				Failure: fault.Report{Kind: fault.Lost, Message: "executor " + string(s.executor) + " does not know of the attempt"},
			}}, nil)
		}
	}
	l.disown(s, r)
	if n := l.machine.nodes[s.executor]; n != nil && n.drain != nil {
		s.sendDrain(*n.drain)
	}
}

// disown tells an executor what of that which it lists is of no use.
func (l *loop) disown(s *session, r *registration) {
	core := l.machine.core
	over := map[plan.JobID]bool{}
	dead := func(job plan.JobID) bool {
		if !core.Lives(job) && !over[job] {
			over[job] = true
			l.releaseJob(s, job)
		}
		return over[job]
	}
	for _, id := range r.Running {
		if !dead(id.Job) && !core.Runs(s.executor, s.id, id) && !core.Keeps(id) {
			s.command(cancelCommand(id))
		}
	}
	var unwanted []plan.AttemptID
	seen := map[plan.AttemptID]bool{}
	for _, h := range r.Held {
		id := h.ID.Attempt
		if !seen[id] && !dead(id.Job) && !core.Keeps(id) {
			unwanted = append(unwanted, id)
		}
		seen[id] = true
	}
	if len(unwanted) > 0 {
		s.command(releaseCommand(unwanted))
	}
}
