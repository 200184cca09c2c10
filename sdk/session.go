package sdk

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Session is what a driver has: it runs jobs one after the other and keeps
// datasets between them. One goroutine uses it.
type Session struct {
	ctx  context.Context
	name string // of the driver
	dir  string // of kept datasets; empty where there is none
	jobs map[string]Runnable
	run  runner
	busy atomic.Bool
	err  error // of a Keep, which has no error result
	over atomic.Bool

	forgotten []string // directories
	deleted   int      // of them
	sum       Result   // of the jobs so far
}

// runner runs the jobs of a session, here or on a cluster. Steps count from 1.
type runner func(ctx context.Context, step int, c *compiled) (*Result, error)

// Context is canceled when the driver is to stop. RunIn returns an error then.
func (s *Session) Context() context.Context { return s.ctx }

// RunIn runs a job of the driver and returns when it has ended: with the engine
// and the settings of the driver, on a cluster as a job of its own.
//
// On a cluster a driver whose process is lost is started again from its
// beginning. It gets the results of the jobs that were done instead of running
// them twice. So what a driver runs may depend on its arguments and on what its
// jobs returned, and on nothing else; where it depends on more, such as the
// time, the driver fails.
func RunIn[A any](s *Session, job *Job[A], args A) (*Result, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.over.Load() {
		return nil, fault.New(fault.Invalid, "driver %s has ended, and its session with it", s.name)
	}
	if job == nil || s.jobs[job.Name()] != Runnable(job) {
		return nil, fault.New(fault.Invalid, "driver %s runs a job that was not given to Drive", s.name)
	}
	if !s.busy.CompareAndSwap(false, true) {
		return nil, fault.New(fault.Invalid, "driver %s runs job %s while another one runs: a session runs one after the other", s.name, job.Name())
	}
	defer s.busy.Store(false)
	if s.ctx.Err() != nil {
		return nil, fault.New(fault.Canceled, "canceled: %w", context.Cause(s.ctx))
	}
	c, err := job.compile(args)
	if err != nil {
		return nil, err
	}
	s.sum.Jobs++
	res, err := s.run(s.ctx, s.sum.Jobs, c)
	if err != nil {
		return nil, &stepError{s.sum.Jobs, job.Name(), err}
	}
	s.add(res)
	return res, s.forget()
}

// add counts what a job did for what the driver did.
func (s *Session) add(r *Result) {
	s.sum.RowsIn += r.RowsIn
	s.sum.BytesIn += r.BytesIn
	s.sum.RowsOut += r.RowsOut
	s.sum.BytesOut += r.BytesOut
	s.sum.ShuffleBytes += r.ShuffleBytes
	s.sum.SpilledBytes += r.SpilledBytes
	s.sum.BadRows += r.BadRows
	s.sum.Tasks += r.Tasks
	for name, n := range r.Counters {
		if s.sum.Counters == nil {
			s.sum.Counters = map[string]int64{}
		}
		s.sum.Counters[name] += n
	}
	s.sum.HotKeys = plan.Hottest(append(s.sum.HotKeys, r.HotKeys...))
	for _, d := range r.Destinations {
		if !s.keeps(d) {
			s.sum.Destinations = append(s.sum.Destinations, d)
		}
	}
}

// result is what the driver did.
func (s *Session) result(began time.Time) *Result {
	r := s.sum
	r.Elapsed = time.Since(began)
	return &r
}

// stepError is the error of a job that a driver ran.
type stepError struct {
	step int
	job  string
	err  error
}

// Error names the job.
func (e *stepError) Error() string { return fmt.Sprintf("job %d (%s): %v", e.step, e.job, e.err) }

// Unwrap returns the job's error.
func (e *stepError) Unwrap() error { return e.err }
