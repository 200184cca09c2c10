package sdk

import (
	"reflect"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Return gives all rows of a dataset to whoever runs the job: Returned takes them
// out of its Result by their name. It is the form of Collect for a program that
// goes on with what a job found, such as a driver, and has the same limit. A job
// that is submitted to a cluster returns nothing to anybody.
func Return[T any](in Dataset[T], name string) {
	p, at := in.pipelineOf("Return")
	if _, twice := p.returned[name]; twice {
		p.failf(at, "Return gives %q twice: each dataset needs a name of its own", name)
		return
	}
	if p.returned == nil {
		p.returned = map[string]any{}
	}
	returned := p.returned
	returned[name] = []T(nil)
	p.graph.Add(&graph.Node{
		Role: graph.Output, Op: "Return", Detail: name, At: at, Inputs: in.inputs(),
		Impl: operator.Collect(rowType[T](p, at), func(rows []T) error {
			returned[name] = rows
			return nil
		}),
	})
}

// Returned takes the rows that a job gave to Return under a name, in the order of
// Collect.
func Returned[T any](r *Result, name string) ([]T, error) {
	v, ok := r.returned[name]
	if !ok {
		return nil, fault.New(fault.Invalid, "the job returned no %q: its build function says so with Return", name)
	}
	rows, ok := v.([]T)
	if !ok {
		return nil, fault.New(fault.Invalid, "the job returned %q as rows of type %v, not %v", name, reflect.TypeOf(v).Elem(), reflect.TypeFor[T]())
	}
	return rows, nil
}
