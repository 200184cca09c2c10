package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Deterministic promises that the rows of a dataset are the same whenever they
// are made again from the same input, and gives the dataset. It holds the
// functions before it to that: when a machine is lost with rows that were on
// their way to an exchange, and others come out the second time, the job fails
// and names the task. Without the promise the rows are compared too, and all
// that was made of the first ones is made again: right as well, but it costs
// time, and a function that should repeat itself goes unnoticed.
//
// It counts where rows move: write it right before Sort, Count, GroupByKey and
// the like, or before a Union of what goes there. Figures that a combiner hands over early because memory is scarce
// are no breach.
func Deterministic[T any](in Dataset[T]) Dataset[T] {
	return promise(in, "Deterministic", plan.Deterministic)
}

// Indeterminate says that the rows of a dataset may be others when they are
// made again, since they hold random numbers, the time or what another system
// answered, and gives the dataset. When some are lost, all that was made of the
// rows of that stage is made again, without comparing: a result never mixes
// rows of two runs.
func Indeterminate[T any](in Dataset[T]) Dataset[T] {
	return promise(in, "Indeterminate", plan.Indeterminate)
}

func promise[T any](in Dataset[T], verb string, what plan.Promise) Dataset[T] {
	p, at := in.pipelineOf(verb)
	switch n := in.node; {
	case n == nil:
	case n.Promise != plan.NoPromise && n.Promise != what:
		p.graph.Fail(at, fmt.Errorf("%s of a dataset that is %s by %v; it cannot be both", verb, n.Promise, n.PromisedAt))
	default:
		n.Promise, n.PromisedAt = what, at
	}
	return in
}
