package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Union gives the rows of all datasets, doubled ones included.
func Union[T any](first Dataset[T], more ...Dataset[T]) Dataset[T] {
	p, at := first.pipelineOf("Union")
	inputs := first.inputs()
	for _, d := range more {
		d.pipelineOf("Union")
		inputs = append(inputs, d.node)
	}
	typ := rowType[T](p, at)
	return add[T](p, &graph.Node{
		Role: graph.Fused, Op: graph.OpUnion, At: at, Type: typ, Inputs: inputs,
		Impl: operator.Union(operator.EdgeOf[T](typ)),
	})
}
