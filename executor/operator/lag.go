package operator

import "iter"

// Maybe is a row, or none: then OK is false.
type Maybe[V any] struct {
	Value V
	OK    bool
}

// Lagged is a row with the one that stands some rows before it.
type Lagged[V any] struct {
	Row    V
	Before Maybe[V]
}

// Led is a row with the one that stands some rows behind it.
type Led[V any] struct {
	Row   V
	After Maybe[V]
}

// Lag returns the sorted exchange that gives every row of a key with the one n
// rows before it.
func Lag[K, V any](g Grouping[K, V, KV[K, Lagged[V]]], n int) *Exchange {
	return groupExchange(g, func(r *groupReader[K, V, KV[K, Lagged[V]]]) func(K, iter.Seq[V]) error {
		before := newWindow[V](r.task, "Lag", g.Value, n)
		r.end = before.release
		return func(key K, values iter.Seq[V]) error {
			before.reset()
			for v := range values {
				row := Lagged[V]{Row: v}
				if before.len == n {
					row.Before = Maybe[V]{before.takeFirst(), true}
				}
				r.emitter.emit(KV[K, Lagged[V]]{key, row})
				if err := before.add(v); err != nil || r.emitter.err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// Lead returns the sorted exchange that gives every row of a key with the one n
// rows behind it.
func Lead[K, V any](g Grouping[K, V, KV[K, Led[V]]], n int) *Exchange {
	return groupExchange(g, func(r *groupReader[K, V, KV[K, Led[V]]]) func(K, iter.Seq[V]) error {
		waits := newWindow[V](r.task, "Lead", g.Value, n)
		r.end = waits.release
		return func(key K, values iter.Seq[V]) error {
			waits.reset()
			for v := range values {
				if waits.len == n {
					r.emitter.emit(KV[K, Led[V]]{key, Led[V]{waits.takeFirst(), Maybe[V]{v, true}}})
				}
				if err := waits.add(v); err != nil || r.emitter.err != nil {
					return err
				}
			}
			for waits.len > 0 && r.task.Cause == nil {
				r.emitter.emit(KV[K, Led[V]]{key, Led[V]{Row: waits.takeFirst()}})
			}
			return nil
		}
	})
}
