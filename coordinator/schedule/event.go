package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Event is something that happened. Its At is monotonic time since any fixed
// moment; a time before that of an earlier event counts as that event's time.
type Event interface {
	when() time.Duration
}

// When returns the time of an event.
func When(ev Event) time.Duration { return ev.when() }

// JobSubmitted says that a job shall run. A job id that is known already
// changes nothing.
type JobSubmitted struct {
	At   time.Duration
	Job  plan.JobID
	Plan plan.Plan
	// Priority orders jobs: higher ones go first, 0 is the usual one.
	Priority int
	// MaxRunning bounds the attempts of the job that run at once; 0 is no bound.
	MaxRunning int
}

// JobForgotten drops what is kept of a job that is done or failed, so that
// memory does not grow with the number of jobs. Its id must not come back.
type JobForgotten struct {
	At  time.Duration
	Job plan.JobID
}

// ExecutorJoined says that an executor offers slots under a new session. An
// older session of the same executor is lost by that. First registrations of
// one executor must come in the order in which it made them.
type ExecutorJoined struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
	Slots    int
	// Low says what DiskLow would say at once.
	Low bool
}

// DiskLow says whether an executor is low on disk space: as long as it is, it takes
// no more attempts. Those under way go on, and its map outputs stay.
type DiskLow struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
	Low      bool
}

// ExecutorDraining says that an executor takes no more attempts; those under
// way go on, and its map outputs stay until its session ends.
type ExecutorDraining struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
}

// ExecutorLost ends a session: its attempts do not count any more and its map
// outputs are gone.
type ExecutorLost struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
}

// AttemptFinished says that an attempt ended well.
type AttemptFinished struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
	Attempt  plan.AttemptID
	Result   plan.Result
}

// AttemptFailed says that an attempt ended badly and why.
type AttemptFailed struct {
	At       time.Duration
	Executor plan.ExecutorID
	Session  plan.SessionID
	Attempt  plan.AttemptID
	Failure  fault.Report
	// Unreadable names the map outputs behind a failure of kind Fetch or Corrupt.
	Unreadable []plan.OutputID
	// Working are the rows at which the attempt's process ended, where that is known.
	Working *plan.RowRange
}

// CancelRequested asks for the end of a job. It comes too late once the
// publishing of the job's output has begun.
type CancelRequested struct {
	At     time.Duration
	Job    plan.JobID
	Reason string // who or why, for people; may be empty
}

// Tick says that time passed.
type Tick struct {
	At time.Duration
}

func (e JobSubmitted) when() time.Duration     { return e.At }
func (e JobForgotten) when() time.Duration     { return e.At }
func (e ExecutorJoined) when() time.Duration   { return e.At }
func (e DiskLow) when() time.Duration          { return e.At }
func (e ExecutorDraining) when() time.Duration { return e.At }
func (e ExecutorLost) when() time.Duration     { return e.At }
func (e AttemptFinished) when() time.Duration  { return e.At }
func (e AttemptFailed) when() time.Duration    { return e.At }
func (e CancelRequested) when() time.Duration  { return e.At }
func (e Tick) when() time.Duration             { return e.At }
