package operator

import "iter"

// Ranked is a row with its place in the order of its key.
type Ranked[V any] struct {
	Row    V
	Number int64 // of the row, from 1 on
	Rank   int64 // the number of the first row that the order holds equal to it
	Dense  int64 // as Rank, counting rows that the order holds equal as one
}

// Rank returns the sorted exchange that gives every row its place.
func Rank[K, V any](g Grouping[K, V, KV[K, Ranked[V]]]) *Exchange {
	return groupExchange(g, func(r *groupReader[K, V, KV[K, Ranked[V]]]) func(K, iter.Seq[V]) error {
		r.ties = true
		return func(key K, values iter.Seq[V]) error {
			var at Ranked[V]
			for at.Row = range values {
				if at.Number++; at.Number == 1 || !r.tied {
					at.Rank, at.Dense = at.Number, at.Dense+1
				}
				if r.emitter.emit(KV[K, Ranked[V]]{key, at}); r.emitter.err != nil {
					break
				}
			}
			return r.emitter.err
		}
	})
}
