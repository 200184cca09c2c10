package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// AggregateAll gives one row: the result of agg over all rows, or of its Init
// where there are none. Rows are folded before they move, so one state a map
// task goes to the one task that merges them. The states stand in memory and
// cannot be spilled. Some are merged that no row was added to.
func AggregateAll[T, A, R any](in Dataset[T], agg Aggregator[T, A, R]) Dataset[R] {
	p, at := in.pipelineOf("AggregateAll")
	agg = agg.check(p, at, "AggregateAll")
	typ, state := rowType[R](p, at), rowType[A](p, at)
	n := &graph.Node{Op: "AggregateAll", At: at, Kind: plan.Gather, Detail: stateDetail(state)}
	f := agg.folding()
	f.State, f.Out = state, operator.EdgeOf[R](typ)
	return exchanged[T, R](in, n, typ, operator.Fold(f))
}

// folding is the aggregator as operators take it.
func (a Aggregator[V, A, R]) folding() operator.Folding[V, A, R] {
	return operator.Folding[V, A, R]{
		Init: a.Init, Merge: a.Merge, Finish: a.Finish,
		Fold: func(state *A, rows []V) {
			for _, row := range rows {
				a.Add(state, row)
			}
		},
	}
}
