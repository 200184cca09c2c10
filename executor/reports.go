package executor

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// reports are the numbered messages to the coordinator that it has not
// acknowledged. Attempts hold their slots until then, so there are about as many
// as slots.
type reports struct {
	// Invariant: the numbers of kept have no gaps and end at next-1.
	kept  []*pb.ConnectRequest
	next  uint64
	beats *time.Ticker
}

// first is the number of the first report that was not acknowledged.
func (r *reports) first() uint64 { return r.next - uint64(len(r.kept)) }

// report numbers a message, keeps it until it is acknowledged, and sends it.
func (s *session) report(m *pb.ConnectRequest) uint64 {
	m.Session, m.Sequence = uint64(s.id), s.reports.next
	s.reports.next++
	s.reports.kept = append(s.reports.kept, m)
	if s.out != nil {
		s.out.report(s.stamp(m))
	}
	return m.GetSequence()
}

// stamp returns a report as it is sent in the present term. The one that is kept
// may be on its way over an older stream.
func (s *session) stamp(m *pb.ConnectRequest) *pb.ConnectRequest {
	return &pb.ConnectRequest{Term: s.term, Session: m.GetSession(), Sequence: m.GetSequence(), Message: m.GetMessage()}
}

// acknowledged drops the reports up to a number, and the attempts that they ended.
func (s *session) acknowledged(sequence uint64) {
	r := &s.reports
	n := 0
	for n < len(r.kept) && r.kept[n].GetSequence() <= sequence {
		n++
	}
	if n == 0 {
		return
	}
	_ = failpoint.Hit(failpoint.ReportAcked) // nothing here can fail
	if r.kept = r.kept[n:]; len(r.kept) == 0 {
		r.kept = nil
	}
	for id, at := range s.running {
		if at.reported != 0 && at.reported <= sequence {
			delete(s.running, id)
		}
	}
}

// finished reports an attempt that ended well.
func (s *session) finished(id plan.AttemptID, r *plan.Result) {
	at := s.running[id]
	if at == nil || at.reported != 0 {
		return
	}
	m := &pb.AttemptFinished{Attempt: wire.EncodeAttemptID(id), Result: wire.EncodeResult(r)}
	if n := proto.Size(m); n > maxReport {
		// It would break every stream that it is sent over.
		s.sweep(func() error { return s.e.store.DropAttempt(id) })
		s.failed(id, fault.Report{Kind: fault.Invalid, Message: fmt.Sprintf("its result takes %d bytes, at most %d can be reported: collect fewer rows", n, maxReport)}, nil)
		return
	}
	at.job.ended()
	at.reported = s.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_AttemptFinished{AttemptFinished: m}})
}

// maxReport leaves room for the envelope of a message.
const maxReport = wire.MaxFrameBytes - 1<<10

// failed reports an attempt that ended badly.
func (s *session) failed(id plan.AttemptID, f fault.Report, unreadable []plan.OutputID) {
	s.ended(id, f, unreadable, nil)
}

// ended is failed for an attempt whose process may have ended, at some rows.
func (s *session) ended(id plan.AttemptID, f fault.Report, unreadable []plan.OutputID, working *plan.RowRange) {
	at := s.running[id]
	if at == nil || at.reported != 0 {
		return
	}
	if f.Kind == fault.Fetch || f.Kind == fault.Corrupt || f.Kind == fault.Unreachable {
		// The job gets over it, and nobody but who reads this mends the network or
		// the disk. Other failures are the job's to tell: they may quote its rows.
		s.log.Warn("map outputs cannot be read here", "job", id.Job, "attempt", id, "executor", s.e.name, "kind", f.Kind, "err", f.Message)
	}
	at.job.ended()
	at.reported = s.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_AttemptFailed{AttemptFailed: &pb.AttemptFailed{
		Attempt: wire.EncodeAttemptID(id), Failure: wire.EncodeReport(&f), Unreadable: wire.EncodeOutputIDs(unreadable), Working: wire.EncodeRowRange(working),
	}}})
}

// registration says what the executor is, and what it runs and holds.
func (s *session) registration(cluster string) *pb.ConnectRequest {
	e := s.e
	r := &wire.Registration{
		ClusterID: cluster, Executor: e.name, Protocol: wire.ExecutorProtocol, BuildVersion: e.cfg.BuildVersion,
		Slots: e.cfg.Slots, MemoryBytes: e.cfg.MemoryBytes, DataAddress: e.Address(), OS: goos, Arch: goarch,
		Isolation: e.cfg.Isolation.String(), CommandsReceived: s.commands, FirstReport: s.reports.first(), DiskLow: e.room.low,
	}
	for id := range s.running {
		r.Running = append(r.Running, id)
	}
	for _, out := range e.store.Outputs() {
		r.Held = append(r.Held, wire.HeldOutput{ID: out.ID, Digest: out.Digest})
	}
	return &pb.ConnectRequest{Term: s.term, Session: uint64(s.id), Message: &pb.ConnectRequest_Register{Register: wire.EncodeRegistration(r)}}
}
