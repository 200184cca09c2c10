package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Repartition spreads rows over tasks, in partitions of about the same measured
// size: after a filter that left little, before a function that takes long for a
// row, or to write files of another size. Rows keep the order of the input, within
// a partition and from one to the next. Without a target there are some partitions
// for each slot, and more where one would be large; few rows make few partitions,
// with a row at least.
//
// Which rows a partition has depends on the order in which the tasks before it give
// theirs, so that order must be the same when a task runs again. One that is not is
// noticed when a map output is lost, as other rows are.
func Repartition[T any](in Dataset[T], target ...PartitionTarget) Dataset[T] {
	p, at := in.pipelineOf("Repartition")
	typ := rowType[T](p, at)
	cut := cutBy(p, at, "Repartition", target)
	cut.Sequence, cut.Spread = true, true
	n := &graph.Node{Op: "Repartition", At: at, Kind: plan.Range, Cut: cut, Key: inputOrder}
	return exchanged[T, T](in, n, typ, operator.Repartition[T](typ, operator.EdgeOf[T](typ)))
}

// inputOrder is by what rows move that keep their order, for people.
const inputOrder = "place in the input"
