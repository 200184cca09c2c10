package sdk

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
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
	return erased.Job{Name: j.name, Compile: func(text string) (*erased.Compiled, error) { return erasedCompiled(j.compileJSON(text)) }}
}

// erase hides the type of a driver's arguments.
func (d *Driver[A]) erase() erased.Job {
	e := erased.Job{Name: d.name, Compile: func(text string) (*erased.Compiled, error) { return erasedCompiled(d.find(d.name, text)) }}
	for _, j := range d.jobs {
		e.Steps = append(e.Steps, erased.Job{Name: j.Name(), Compile: func(text string) (*erased.Compiled, error) { return erasedCompiled(j.compileJSON(text)) }})
	}
	return e
}

func erasedCompiled(c *compiled, err error) (*erased.Compiled, error) {
	if err != nil {
		return nil, err
	}
	return &erased.Compiled{Compiled: c.Compiled, Result: func(id plan.JobID, f plan.Figures, tasks int, elapsed time.Duration) any {
		return c.result(id, f, tasks, elapsed)
	}}, nil
}

// serveAny serves an executor with the job that it names.
func serveAny(jobs []erased.Job) error {
	return serveExecutor(func(spec *plan.JobSpec) (*graph.Compiled, error) {
		var names []string
		for _, j := range jobs {
			for _, j := range append([]erased.Job{j}, j.Steps...) {
				if j.Name != spec.Name {
					names = append(names, j.Name)
					continue
				}
				c, err := j.Compile(spec.Args)
				if err != nil {
					return nil, err
				}
				return c.Compiled, nil
			}
		}
		return nil, fault.New(fault.Invalid, "this program runs jobs %q, and not %s", names, spec.Name)
	})
}
