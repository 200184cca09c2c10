package sdk

import (
	"fmt"
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
)

// TopKByKey gives the first k rows of every key in an order, in that order; of rows
// that the order holds equal, those that come first in the input. A map task sends
// no more than k rows of a key. Without a term values are compared as a whole.
func TopKByKey[K, V any](in Dataset[KV[K, V]], k int, orders ...Order[V]) Dataset[KV[K, V]] {
	p, at := in.pipelineOf("TopKByKey")
	if k < 1 {
		p.failf(at, "TopKByKey(%d): k must be at least 1", k)
		k = 1
	}
	return grouped(in, "TopKByKey", fmt.Sprint(" ", k, " ", directions(orders)), operator.Grouping[K, V, KV[K, V]]{
		Within: terms(p, at, orders), First: k,
		Each: func(_ *Context, key K, values iter.Seq[V], emit Emit[KV[K, V]]) error {
			n := 0
			for v := range values {
				emit(KV[K, V]{Key: key, Value: v})
				if n++; n == k {
					break
				}
			}
			return nil
		},
	})
}
