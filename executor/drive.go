package executor

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

// RunJob implements worker.Events. A driver waits for one job at a time.
func (ev *events) RunJob(m wire.RunJob) {
	s := ev.j.s
	s.give(func() {
		if at := s.running[m.Attempt]; at != nil && at.reported == 0 {
			at.asks = wire.EncodeRunJob(&m)
			if n := proto.Size(at.asks); n > maxReport && at.job.worker != nil {
				at.asks = nil // it would break every stream that it is sent over
				at.job.worker.JobEnded(wire.JobEnded{Attempt: m.Attempt, Step: m.Step, Failure: &fault.Report{
					Kind: fault.Invalid, Message: fmt.Sprintf("the plan of the job takes %d bytes, at most %d can be told", n, maxReport),
				}})
				return
			}
			s.ask(at)
		}
	})
}

// ask passes on what an attempt's driver waits for. It is not numbered: over the
// next stream it is asked again, and the answer is the same.
func (s *session) ask(at *attempt) {
	if s.out != nil && at.asks != nil && at.reported == 0 {
		s.out.report(&pb.ConnectRequest{Message: &pb.ConnectRequest_RunJob{RunJob: at.asks}})
	}
}

// jobRows passes rows of a job on to the driver that ran it.
func (s *session) jobRows(m *pb.JobRows) error {
	rows, err := wire.DecodeJobRows(m)
	if err != nil {
		return err
	}
	if at := s.running[rows.Attempt]; at != nil && at.job.worker != nil {
		at.job.worker.JobRows(rows)
	}
	return nil
}

// jobEnded passes the end of a job on to the driver that ran it.
func (s *session) jobEnded(m *pb.JobEnded) error {
	end, err := wire.DecodeJobEnded(m)
	if err != nil {
		return err
	}
	at := s.running[end.Attempt]
	if at == nil || at.asks == nil || int(at.asks.GetStep()) != end.Step {
		return nil // it was told already
	}
	at.asks = nil
	if at.job.worker != nil {
		at.job.worker.JobEnded(end)
	}
	return nil
}
