package program

import (
	"context"
	"time"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Host is what a driver that runs in an attempt asks of its cluster.
type Host interface {
	// RunJob runs a job as the given step of the driver and waits for its end. Asked
	// again for a step by a later attempt, it gives what it gave before. The error
	// of a job that failed has the kind of its failure.
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
}

type hostKey struct{}

// HostOf returns the host of the attempt that a context belongs to, or nil when
// it is no attempt of a worker.
func HostOf(ctx context.Context) Host {
	h, _ := ctx.Value(hostKey{}).(Host)
	return h
}
