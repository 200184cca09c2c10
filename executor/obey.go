package executor

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// obey does what a coordinator says. An error ends the stream: the next one
// brings what is missing.
func (s *session) obey(m *pb.ConnectResponse) error {
	if m.GetSession() != uint64(s.id) {
		return nil // for another life
	}
	if m.GetTerm() != s.term {
		return fault.New(fault.Transient, "a message of term %d on a stream of term %d", m.GetTerm(), s.term)
	}
	if n := m.GetSequence(); n != 0 {
		switch {
		case n <= s.commands:
			return nil // it was seen
		case n > s.commands+1:
			return fault.New(fault.Transient, "command %d came after command %d", n, s.commands)
		}
		if err := failpoint.Hit(failpoint.CommandArrived); err != nil {
			return err
		}
		if err := s.command(m); err != nil {
			return err
		}
		s.commands = n
		if err := failpoint.Hit(failpoint.CommandObeyed); err != nil {
			return err
		}
		if s.out != nil {
			s.out.arrived(n)
		}
		return nil
	}
	switch v := m.GetMessage().(type) {
	case *pb.ConnectResponse_Ack:
		s.acknowledged(v.Ack.GetSequence())
	case *pb.ConnectResponse_Fence:
		s.fenced = orText(v.Fence.GetReason(), "it gave no reason")
	case *pb.ConnectResponse_Executors:
		all, err := wire.DecodeExecutors(v.Executors)
		if err != nil {
			return err
		}
		s.setExecutors(all)
	case *pb.ConnectResponse_JobRows:
		return s.jobRows(v.JobRows)
	case *pb.ConnectResponse_JobEnded:
		return s.jobEnded(v.JobEnded)
	}
	return nil
}

// command does what changes something.
func (s *session) command(m *pb.ConnectResponse) error {
	switch v := m.GetMessage().(type) {
	case *pb.ConnectResponse_JobSpec:
		spec, err := wire.DecodeJobSpec(v.JobSpec)
		if err != nil {
			return err
		}
		if s.jobs[spec.Job] == nil {
			s.jobs[spec.Job] = newJob(s, spec)
		}
	case *pb.ConnectResponse_Launch:
		a, err := wire.DecodeAssignment(v.Launch.GetAssignment())
		if err != nil {
			return err
		}
		s.launch(a)
	case *pb.ConnectResponse_Cancel:
		id, err := wire.DecodeAttemptID(v.Cancel.GetAttempt())
		if err != nil {
			return err
		}
		if at := s.running[id]; at != nil && at.reported == 0 {
			at.job.cancel(id)
		}
	case *pb.ConnectResponse_Release:
		ids, err := wire.DecodeAttemptIDs(v.Release.GetAttempts())
		if err != nil {
			return err
		}
		s.release(ids)
	case *pb.ConnectResponse_ReleaseJob:
		id, err := wire.DecodeJobID("job", v.ReleaseJob.GetJob())
		if err != nil {
			return err
		}
		_ = failpoint.Hit(failpoint.JobRelease) // nothing here can fail
		s.releaseJob(id)
	case *pb.ConnectResponse_Drain:
		s.drain(time.Duration(v.Drain.GetDeadlineMillis())*time.Millisecond, v.Drain.GetReason())
	}
	return nil
}

// launch runs an attempt, unless it is here already.
func (s *session) launch(a plan.Assignment) {
	id := a.Attempt
	if s.running[id] != nil {
		return
	}
	j := s.jobs[id.Job]
	if j == nil {
		// Its report needs a job to belong to.
		j = newJob(s, plan.JobSpec{Job: id.Job})
		s.running[id] = &attempt{job: j}
		j.attempts++
		s.failed(id, fault.Report{Kind: fault.Lost, Message: "an attempt came to executor " + string(s.e.name) + " before its job"}, nil)
		return
	}
	s.running[id] = &attempt{job: j}
	j.launch(a)
}

// release deletes what attempts wrote.
func (s *session) release(ids []plan.AttemptID) {
	by := map[plan.JobID][]plan.AttemptID{}
	for _, id := range ids {
		by[id.Job] = append(by[id.Job], id)
	}
	for job, ids := range by {
		if j := s.jobs[job]; j != nil && j.worker != nil {
			j.worker.Release(ids)
		}
	}
	s.sweep(func() error {
		for _, id := range ids {
			if err := s.e.store.DropAttempt(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// releaseJob deletes everything of a job but its logs.
func (s *session) releaseJob(id plan.JobID) {
	if j := s.jobs[id]; j != nil {
		delete(s.jobs, id)
		j.retire()
		s.e.room.tidy = false
		lives := s.live()
		s.sweep(func() error {
			return s.e.pruneLogs(s.e.cfg.Limits.LogJobs, func(id plan.JobID) bool { _, ok := lives[id]; return ok })
		})
		return
	}
	s.sweep(func() error { return s.e.store.DropJob(id) })
}

// sweep deletes something beside the session's goroutine.
func (s *session) sweep(do func() error) {
	s.tasks.Go(func() {
		if err := do(); err != nil {
			s.log.Warn("not all could be deleted: the next start does it", "err", err)
		}
	})
}

// setExecutors takes over where executors serve map outputs, and tells workers.
func (s *session) setExecutors(e wire.Executors) {
	if e.Complete {
		clear(s.addresses)
	}
	for i, a := range e.Addresses {
		if s.e.relay != nil {
			e.Addresses[i].Address = s.e.relay.set(a.Executor, a.Address)
		}
		if e.Addresses[i].Address == "" {
			delete(s.addresses, a.Executor)
		} else {
			s.addresses[a.Executor] = e.Addresses[i].Address
		}
	}
	for _, j := range s.jobs {
		if j.worker != nil {
			j.worker.SetExecutors(e)
		}
	}
}

// executors returns what a new worker is told.
func (s *session) executors() wire.Executors {
	all := wire.Executors{Complete: true}
	for id, address := range s.addresses {
		all.Addresses = append(all.Addresses, wire.ExecutorAddress{Executor: id, Address: address})
	}
	return all
}
