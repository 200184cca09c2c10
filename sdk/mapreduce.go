package sdk

import (
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
)

// reduceOp is the exchange of a MapReduce.
const reduceOp = "MapReduce.reduce"

// MapReduce is the classic form. mapper emits pairs for every row; combiner,
// which may be nil, folds two values of a key into one before they move and
// must be associative and commutative; reducer is called once a key, in
// ascending order of keys, with the key's values streamed, and gives what it
// emits. The values can be ranged over once and may be more than memory holds.
func MapReduce[T, K, V, R any](
	in Dataset[T],
	mapper func(row T, emit func(key K, value V)),
	combiner func(a, b V) V,
	reducer func(key K, values iter.Seq[V], emit Emit[R]),
) Dataset[R] {
	p, at := in.pipelineOf("MapReduce")
	requireFunc(p, at, "MapReduce's mapper", mapper)
	requireFunc(p, at, "MapReduce's reducer", reducer)
	mapped := fused[T, KV[K, V]](in, "MapReduce.map", func(e *operator.Edge) *operator.Fused {
		return operator.FlatMapPairs(e, mapper)
	})
	var combine func([]V, []uint32, []KV[K, V]) []V
	if combiner != nil {
		combine = foldValues[K](combiner)
	}
	return group(mapped, reduceOp, combine, func(_ *Context, key K, values iter.Seq[V], emit Emit[R]) error {
		reducer(key, values, emit)
		return nil
	})
}
