package program

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Host is what a driver that runs in an attempt asks of its cluster.
type Host interface {
	// RunJob runs a job as the given step of the driver and waits for its end. Asked
	// again for a step by a later attempt, it gives what it gave before. That the
	// job failed is an error of kind Invalid, which ends the driver's job too.
	RunJob(ctx context.Context, step int, job *graph.Compiled) (*Ran, error)
	// Directory is where the driver keeps datasets between its jobs, the same for
	// all of its attempts. It is empty when the user named none.
	Directory() string
}

// Ran is how a job ended well.
type Ran struct {
	Job     plan.JobID
	Figures plan.Figures
	Tasks   int
	Elapsed time.Duration
	Rows    []plan.CollectedRows
	HotKeys []plan.HotKey
}

type hostKey struct{}

// HostOf returns the host of the attempt that a context belongs to, or nil when
// it is no attempt of a worker.
func HostOf(ctx context.Context) Host {
	h, _ := ctx.Value(hostKey{}).(Host)
	return h
}

// host is the Host of one attempt.
type host struct {
	s       *server
	attempt plan.AttemptID
}

// ask is a job that a driver waits for. The server's goroutine owns it until it
// answers.
type ask struct {
	message wire.RunJob
	rows    []plan.CollectedRows
	pieces  int
	answer  chan answer // holds one
}

type answer struct {
	ran *Ran
	err error
}

// Directory implements Host.
func (h *host) Directory() string { return h.s.session() }

// session is the directory of the job's driver, empty where it has none.
func (s *server) session() string {
	spec := &s.start.Job
	if in := s.graph.Plan.Stages[0].Source; in == nil || !in.Drives || spec.Options.SessionDirectory == "" {
		return ""
	}
	return filepath.Join(spec.Options.SessionDirectory, "sheaf-session-"+spec.Job.String())
}

// endSession deletes what a driver kept, when its job is decided and no attempt of
// it runs: an attempt that is merely lost or replaced must not.
func (s *server) endSession() error {
	dir := s.session()
	if dir == "" {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fault.Wrap(fault.Transient, fmt.Errorf("delete what the driver kept: %w", err))
	}
	return nil
}

// RunJob implements Host.
func (h *host) RunJob(ctx context.Context, step int, job *graph.Compiled) (*Ran, error) {
	q := &ask{
		message: wire.RunJob{Attempt: h.attempt, Step: step, Plan: job.Plan, Graph: job.Describe()},
		answer:  make(chan answer, 1),
	}
	select {
	case h.s.asks <- q:
	case <-ctx.Done():
		return nil, fault.New(fault.Canceled, "canceled: %w", context.Cause(ctx))
	case <-h.s.over:
		return nil, fault.New(fault.Lost, "the worker ends")
	}
	select {
	case a := <-q.answer:
		return a.ran, a.err
	case <-ctx.Done():
		return nil, fault.New(fault.Canceled, "canceled: %w", context.Cause(ctx))
	case <-h.s.over:
		return nil, fault.New(fault.Lost, "the worker ends")
	}
}

// ask asks the executor for a job.
func (s *server) ask(q *ask) error {
	at := s.running[q.message.Attempt]
	if at == nil { // it has ended meanwhile, without waiting
		return nil
	}
	at.ask = q
	err := s.out.Write(q.message)
	if fault.KindOf(err) == fault.Invalid {
		q.answer <- answer{err: err} // the plan is too large to be told
		at.ask, err = nil, nil
	}
	return err
}

// asked returns what a message answers, or nil when nobody waits for that any more.
func (s *server) asked(id plan.AttemptID, step int) *ask {
	if at := s.running[id]; at != nil && at.ask != nil && at.ask.message.Step == step {
		return at.ask
	}
	return nil
}

func (s *server) jobRows(m wire.JobRows) {
	q := s.asked(m.Attempt, m.Step)
	if q == nil {
		return
	}
	if m.Piece == 0 { // the first, or all of them again
		q.rows, q.pieces = nil, 0
	}
	if m.Piece == q.pieces {
		q.rows = append(q.rows, m.Rows)
		q.pieces++
	}
}

func (s *server) jobEnded(m wire.JobEnded) {
	q := s.asked(m.Attempt, m.Step)
	if q == nil {
		return
	}
	s.running[m.Attempt].ask = nil
	switch {
	case m.Failure != nil && m.Job != (plan.JobID{}):
		// The job ran: it would end the same way for the driver's next attempt.
		q.answer <- answer{err: &fault.Error{Kind: fault.Invalid, Detail: m.Failure.Detail, Err: m.Failure.Err()}}
	case m.Failure != nil:
		q.answer <- answer{err: m.Failure.Err()}
	case m.Pieces != q.pieces:
		q.answer <- answer{err: fault.New(fault.Transient, "%d pieces of rows came of %d", q.pieces, m.Pieces)}
	default:
		q.answer <- answer{ran: &Ran{Job: m.Job, Figures: m.Figures, Tasks: int(m.Tasks), Elapsed: m.Elapsed, Rows: q.rows, HotKeys: m.HotKeys}}
	}
}
