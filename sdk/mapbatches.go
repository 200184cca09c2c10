package sdk

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
)

// MapBatches gives fn's result for every batch of rows, as columns: what a row
// function costs a row, it costs a batch. in has a column for every field of T,
// in order (one called "value" when T is no struct); the result must have those
// of U; a nil result gives no rows. in belongs to fn, which may keep it or give
// it back; nobody needs to release a batch. U stands first so that T can be
// inferred: MapBatches[Sale](orders, fn).
func MapBatches[U, T any](in Dataset[T], fn func(ctx *Context, in arrow.Record) (arrow.Record, error)) Dataset[U] {
	p, at := in.pipelineOf("MapBatches")
	requireFunc(p, at, "MapBatches", fn)
	typ := rowType[U](p, at)
	return add[U](p, &graph.Node{
		Role: graph.Fused, Op: "MapBatches", At: at, Type: typ, Inputs: in.inputs(),
		Impl: operator.MapBatches(operator.EdgeOf[U](typ), typ, fn),
	})
}
