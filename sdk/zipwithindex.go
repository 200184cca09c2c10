package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// ZipWithIndex gives every row as the value of its number: 0, 1, 2 and so on, in the
// order of the input, without a gap. Rows of a source are numbered in the order of
// its files and lines, and rows of Sort in theirs. All rows move once, since a task
// cannot know how many rows those before it have until they are done; they need no
// sorting, and keep their order.
func ZipWithIndex[T any](in Dataset[T]) Dataset[KV[int64, T]] {
	p, at := in.pipelineOf("ZipWithIndex")
	row := rowType[T](p, at)
	typ := rowType[KV[int64, T]](p, at)
	n := &graph.Node{Op: "ZipWithIndex", At: at, Kind: plan.Range, Cut: plan.Cut{Sequence: true}, Key: inputOrder}
	return exchanged[T, KV[int64, T]](in, n, typ, operator.ZipWithIndex[T](row, operator.EdgeOf[KV[int64, T]](typ)))
}
