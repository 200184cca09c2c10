package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/executor/program"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk/internal/args"
	"github.com/sheafdata/sheaf/sdk/internal/erased"
)

// What packages below this one may do with a job. It is no part of the SDK, and
// so stands behind a package that users cannot import.
func init() {
	erased.Of = func(job any) (erased.Job, bool) {
		j, ok := job.(interface{ erase() erased.Job })
		if !ok {
			return erased.Job{}, false
		}
		return j.erase(), true
	}
	erased.Serve, erased.Propose, erased.Hand = serveAny, proposal, handCollected
}

// erase hides the type of a job's arguments.
func (j *Job[A]) erase() erased.Job {
	return erased.Job{Name: j.name, Compile: func(text string) (*graph.Compiled, error) {
		var a A
		if err := args.Set(&a, text); err != nil {
			return nil, fmt.Errorf("arguments of job %s: %w", j.name, err)
		}
		return j.compile(a)
	}}
}

// serveAny serves the executor at the other end of an inherited socket with the
// job that it names.
func serveAny(jobs []erased.Job) error {
	conn, err := inherited()
	if err != nil {
		return err
	}
	return program.Serve(conn, program.Config{
		BuildVersion: buildVersion(),
		Build: func(spec *plan.JobSpec) (*graph.Compiled, error) {
			var names []string
			for _, j := range jobs {
				if j.Name == spec.Name {
					return j.Compile(spec.Args)
				}
				names = append(names, j.Name)
			}
			return nil, fault.New(fault.Invalid, "this program runs jobs %q, and not %s", names, spec.Name)
		},
	})
}
