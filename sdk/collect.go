package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Collect calls use with all rows when the job has succeeded and its output is
// published, in this process or, for a job on a cluster, in the program that
// "sheaf submit" starts where the user is; an error of use is the job's error. It
// is meant for small results: all of them may take 64 MiB at most, encoded. Rows
// of a sorted dataset come in order; use may keep them.
func Collect[T any](in Dataset[T], use func(rows []T) error) {
	p, at := in.pipelineOf("Collect")
	requireFunc(p, at, "Collect", use)
	p.graph.Add(&graph.Node{
		Role: graph.Output, Op: "Collect", At: at, Inputs: in.inputs(),
		Impl: operator.Collect(rowType[T](p, at), use),
	})
}
