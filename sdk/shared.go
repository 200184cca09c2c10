package sdk

import (
	"context"

	"github.com/sheafdata/sheaf/executor/operator"
)

// Shared is a thing that the tasks of a job have in common in each process that
// runs them: a client of a database, a model in memory. Its Get takes the Context
// of a function. It is outside of the budget of tasks.
type Shared[T any] = operator.Shared[T]

// NewShared names a thing that functions of the job share. Each process opens it
// once, when a function first asks for it by Get, and never where none asks. The
// context of open is canceled when the attempt that asked is to stop before open
// has returned, and afterwards when the thing was closed. open may be called
// again after it has failed; its error fails the task, which is retried like
// after any other error of a function.
//
// close is called once for what open gave, when no task of the job runs in the
// process any more: on a cluster when its worker ends, which may be before the
// job's end and has 3 seconds for it, else at the job's end, also when it failed or
// was canceled. It may be nil. It is not called in a process that is killed, and
// its error comes too late to undo the job: rows that must not be lost are
// written before the function returns, and not here.
//
// A job may have 64 of them, each with a name of its own.
func NewShared[T any](p *Pipeline, name string, open func(ctx context.Context) (T, error), close func(T) error) *Shared[T] {
	at := caller()
	requireFunc(p, at, "NewShared", open)
	s := operator.NewShared(name, at, open, close)
	s.SetNumber(p.graph.Share(at, name, s))
	return s
}
