package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Running is a row with what an aggregator makes of it and of rows before it.
type Running[V, R any] = operator.Running[V, R]

// RunningAggregate gives every row with the result of agg over all rows of its key
// up to it, in an order; those that the order holds equal come in the order of the
// input, one after another. Finish is called for every row, with a copy of the
// state. Keys ascend. One state is held in memory and cannot be spilled.
func RunningAggregate[K, V, A, R any](in Dataset[KV[K, V]], agg Aggregator[V, A, R], orders ...Order[V]) Dataset[KV[K, Running[V, R]]] {
	p, at := in.pipelineOf("RunningAggregate")
	requireOrder(p, at, "RunningAggregate", orders)
	agg = agg.check(p, at, "RunningAggregate")
	f := agg.folding()
	f.State = rowType[A](p, at)
	return exchangedGroups(in, "RunningAggregate", " "+stateDetail(f.State)+" "+directions(orders),
		operator.Grouping[K, V, KV[K, Running[V, R]]]{Within: terms(p, at, orders)},
		func(g operator.Grouping[K, V, KV[K, Running[V, R]]]) *operator.Exchange {
			return operator.RunningAggregate(g, f)
		})
}

// MovingAggregate is RunningAggregate over the last n rows of the key up to the row
// at hand: fewer at the key's beginning. It holds n rows and up to n states in
// memory. A row is added to two states at most, which are merged for the result.
func MovingAggregate[K, V, A, R any](in Dataset[KV[K, V]], n int, agg Aggregator[V, A, R], orders ...Order[V]) Dataset[KV[K, Running[V, R]]] {
	p, at := in.pipelineOf("MovingAggregate")
	n = requireWindow(p, at, "MovingAggregate", n, orders)
	agg = agg.check(p, at, "MovingAggregate")
	f := agg.folding()
	f.State = rowType[A](p, at)
	return exchangedGroups(in, "MovingAggregate", " "+stateDetail(f.State)+windowDetail(n, orders),
		operator.Grouping[K, V, KV[K, Running[V, R]]]{Within: terms(p, at, orders)},
		func(g operator.Grouping[K, V, KV[K, Running[V, R]]]) *operator.Exchange {
			return operator.MovingAggregate(g, f, n)
		})
}
