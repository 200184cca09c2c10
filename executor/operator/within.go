package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// withinKey is the order by a key and, within it, by the terms of an order of the
// values.
func withinKey[K, V any](key *column.KeyType, within Order[V]) Order[KV[K, V]] {
	order := Order[KV[K, V]]{{start: func(bool, bool) term[KV[K, V]] {
		var rows []KV[K, V]
		return term[KV[K, V]]{
			load:   func(chunk []KV[K, V]) { rows = chunk },
			append: func(dst []byte, i int) []byte { return key.AppendPart(dst, unsafe.Pointer(&rows[i].Key), false) },
			forget: func() { rows = nil },
		}
	}}}
	for _, t := range within {
		order = append(order, ofValue[K](t))
	}
	return order
}

// ofValue is a term of values as one of rows with keys.
func ofValue[K, V any](t Term[V]) Term[KV[K, V]] {
	return Term[KV[K, V]]{descending: t.descending, start: func(descending, last bool) term[KV[K, V]] {
		inner := t.start(descending, last)
		var values []V
		return term[KV[K, V]]{
			load: func(rows []KV[K, V]) {
				values = values[:0]
				for i := range rows {
					values = append(values, rows[i].Value)
				}
				inner.load(values)
			},
			append: inner.append,
			forget: func() {
				clear(values)
				inner.forget()
			},
		}
	}}
}
