package operator

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Context is what user functions get that ask for it: the attempt's context,
// canceled when the attempt is to stop, the identity of the work, and what stands
// beside its rows: counters, random numbers, the job's time.
type Context struct {
	context.Context
	attempt plan.AttemptID
	job     *Job
	counts  []atomic.Int64 // by the number of the counter

	operator int        // whose random numbers these are: 0 reads the stage's exchange
	random   *rand.Rand // made when it is first asked for
}

// Job is what the attempts of a job in one process have in common.
type Job struct {
	Counters int       // how many it has
	Time     time.Time // of its submission; zero where nobody knows
	Holdings *Holdings // of its Shared things; nil for none
}

// NewContext returns the context of an attempt of a job.
func NewContext(ctx context.Context, attempt plan.AttemptID, job *Job) *Context {
	return &Context{Context: ctx, attempt: attempt, job: job, counts: newCounts(job.Counters)}
}

// of returns the context for an operator of the attempt. Each has random numbers
// of its own: which ones it draws depends on its own rows then, and not on how
// many of them went through another one before.
func (c *Context) of(operator int) *Context {
	own := *c
	own.operator, own.random = operator+1, nil
	return &own
}

// TaskID names the task: the same for every attempt of it, so it fits for
// idempotent writes to other systems.
func (c *Context) TaskID() string { return c.attempt.Task.String() }

// AttemptID names the attempt, unique among all attempts of all jobs.
func (c *Context) AttemptID() string { return c.attempt.String() }

// Now returns the job's time: the moment at which the job was submitted, by the
// clock of who took it, the coordinator or this process. It is the same in all
// tasks, attempts and processes, so that rows which hold it come out the same when
// they are made again. It does not move: take time.Now to measure how long
// something takes.
func (c *Context) Now() time.Time {
	if c.job.Time.IsZero() {
		panic(errNoTime)
	}
	return c.job.Time
}

var errNoTime = fault.New(fault.Invalid, "Context.Now: the coordinator does not say when the job was submitted; it is older than this program: update it")
