// Package erased is a job whose type of arguments is not known: how packages
// below sdk that run several kinds of jobs get at what an *sdk.Job or *sdk.Driver
// keeps to itself. Package sdk, which they import, fills in the functions before any of
// them runs; users of the SDK see none of this. It owns no goroutine.
package erased

import (
	"time"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Job is an *sdk.Job, or an *sdk.Driver, without its type of arguments.
type Job struct {
	Name string
	// Steps are the jobs that a driver runs.
	Steps []Job
	// Compile builds the graph of one run from arguments that args.JSON wrote. It
	// calls the user's build function.
	Compile func(args string) (*Compiled, error)
}

// Compiled is the graph of one run.
type Compiled struct {
	*graph.Compiled
	// Result gives the *sdk.Result of the run, which knows the rows that Hand gave
	// to sdk.Return.
	Result func(job plan.JobID, f plan.Figures, tasks int, elapsed time.Duration) any
}

// Of returns what is behind an *sdk.Job or *sdk.Driver, and whether it is one.
var Of func(job any) (Job, bool)

// Serve runs attempts of whichever of the jobs the executor at the other end of
// the inherited socket names, until that says to end or is gone. The process
// ends when it returns.
var Serve func(jobs []Job) error

// Propose says of a compiled graph what a submission needs to know, but for the
// options that a user gives.
var Propose func(*graph.Compiled) (*plan.Proposal, error)

// Hand gives every Collect of a graph its rows.
var Hand func(*graph.Compiled, []plan.CollectedRows) error
