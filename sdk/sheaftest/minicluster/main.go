package minicluster

import (
	"fmt"
	"os"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk/internal/erased"
)

// Job is an *sdk.Job, whatever its arguments are.
type Job interface{ Name() string }

// served are the jobs that workers of this test binary run. Main sets them
// before any test runs, and nobody does later.
var served map[string]Job

// Main runs the tests, as m.Run does, and is the whole of TestMain as a rule. In
// a worker, which is the same test binary started by an executor, it runs tasks
// of the jobs instead, and ends the process. What stands before it in TestMain
// happens in workers as well; what follows it, in the tests' process alone. Each
// job needs a name of its own.
func Main(m *testing.M, jobs ...Job) {
	all := make([]erased.Job, 0, len(jobs))
	served = make(map[string]Job, len(jobs))
	for _, j := range jobs {
		e, ok := erased.Of(j)
		switch {
		case !ok:
			quit("minicluster.Main: %T is no *sdk.Job: give it what sdk.Define returned", j)
		case served[e.Name] != nil:
			quit("minicluster.Main: two jobs are named %q: a worker knows them by their names", e.Name)
		}
		served[e.Name] = j
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
