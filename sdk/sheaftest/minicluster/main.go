package minicluster

import (
	"fmt"
	"os"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/internal/erased"
)

// served are the jobs that workers of this test binary run. Main sets them
// before any test runs, and nobody does later.
var served map[string]sdk.Program

// Main runs the tests, as m.Run does, and is the whole of TestMain as a rule. In
// a worker, which is the same test binary started by an executor, it runs tasks
// of the jobs, and drivers, instead, and ends the process. What stands before it in TestMain
// happens in workers as well; what follows it, in the tests' process alone. Each
// job needs a name of its own.
func Main(m *testing.M, jobs ...sdk.Program) {
	all := make([]erased.Job, 0, len(jobs))
	served = make(map[string]sdk.Program, len(jobs))
	for _, j := range jobs {
		if served[j.Name()] != nil {
			quit("minicluster.Main: two jobs are named %q: a worker knows them by their names", j.Name())
		}
		e, ok := erased.Of(j)
		if !ok {
			quit("minicluster.Main: %T is neither a job nor a driver: give it what sdk.Define or sdk.Drive returned", j)
		}
		served[j.Name()] = j
		all = append(all, e)
	}
	mode := os.Getenv(plan.ModeVariable)
	// Not for programs that this one starts.
	os.Unsetenv(plan.ModeVariable)
	switch mode {
	case "":
		m.Run() // the caller of TestMain ends the process with its exit code
	case plan.ModeWorker:
		if err := erased.Serve(all); err != nil {
			quit("worker: %v", err)
		}
		os.Exit(0)
	default:
		quit("%s=%q: a test binary is a worker of a mini-cluster and nothing else: unset the variable", plan.ModeVariable, mode)
	}
}

// quit ends a process that was put together wrongly.
func quit(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(2)
}
