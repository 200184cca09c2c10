package sdk

import (
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// GroupSorted is GroupByKey with the values of a key in a chosen order: a secondary
// sort. They are streamed all the same, and those that the order holds equal come
// in the order of the input. At least one term is needed: without any GroupByKey
// does.
func GroupSorted[K, V, R any](in Dataset[KV[K, V]], fn func(key K, values iter.Seq[V], emit Emit[R]), orders ...Order[V]) Dataset[R] {
	p, at := in.pipelineOf("GroupSorted")
	requireFunc(p, at, "GroupSorted", fn)
	if len(orders) == 0 {
		p.failf(at, "GroupSorted needs an order of the values, such as By(...); without one use GroupByKey")
	}
	typ, value := rowType[R](p, at), rowType[V](p, at)
	n := &graph.Node{Op: "GroupSorted", At: at, Kind: plan.Range, Detail: keyDetail(rowType[K](p, at), value) + " " + directions(orders)}
	return exchanged[KV[K, V], R](in, n, typ, operator.GroupByKey(operator.Grouping[K, V, R]{
		Key: keyType[K](p, at), Value: value, Out: operator.EdgeOf[R](typ), Within: terms(p, at, orders),
		Each: func(_ *Context, key K, values iter.Seq[V], emit Emit[R]) error {
			fn(key, values, emit)
			return nil
		},
	}))
}
