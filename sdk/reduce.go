package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Reduce gives one row a key: all its values folded by fn, which must be
// associative and commutative, since values are folded before and after they
// move, in any order. The order of the results is not defined.
func Reduce[K, V any](in Dataset[KV[K, V]], fn func(a, b V) V) Dataset[KV[K, V]] {
	p, at := in.pipelineOf("Reduce")
	requireFunc(p, at, "Reduce", fn)
	return aggregate(in, "Reduce", operator.Aggregation[KV[K, V], K, V, KV[K, V]]{
		Key: keyType[K](p, at), State: rowType[V](p, at),
		Fold: foldValues[K](fn),
		Merge: func(states []V, groups []uint32, others []V) []V {
			for i, g := range groups {
				if int(g) == len(states) {
					states = append(states, others[i])
				} else {
					states[g] = fn(states[g], others[i])
				}
			}
			return states
		},
		Finish: pairs[K, V],
	})
}

// foldValues folds values by fn; the first of a key is its state.
func foldValues[K, V any](fn func(a, b V) V) func([]V, []uint32, []KV[K, V]) []V {
	return func(states []V, groups []uint32, rows []KV[K, V]) []V {
		for i, g := range groups {
			if int(g) == len(states) {
				states = append(states, rows[i].Value)
			} else {
				states[g] = fn(states[g], rows[i].Value)
			}
		}
		return states
	}
}

// pairs appends every key with its state.
func pairs[K, A any](dst []KV[K, A], keys []K, states []A) []KV[K, A] {
	for i := range keys {
		dst = append(dst, KV[K, A]{Key: keys[i], Value: states[i]})
	}
	return dst
}
