package sdk

import (
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
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
	return grouped(in, "GroupSorted", " "+directions(orders), operator.Grouping[K, V, R]{
		Within: terms(p, at, orders),
		Each: func(_ *Context, key K, values iter.Seq[V], emit Emit[R]) error {
			fn(key, values, emit)
			return nil
		},
	})
}
