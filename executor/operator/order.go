package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// Order is a list of sort terms; the first that differs decides.
type Order[T any] []Term[T]

// Term is one sort term: a key of the row and a direction.
type Term[T any] struct {
	descending bool
	start      func(descending, last bool) term[T]
}

// Descending returns the term turned around.
func (t Term[T]) Descending() Term[T] {
	t.descending = !t.descending
	return t
}

// term makes the keys of one chunk of rows at a time: load takes the chunk,
// append appends the key of its row i.
type term[T any] struct {
	load   func(rows []T)
	append func(dst []byte, i int) []byte
}

// By returns the term that sorts by a function of the row; kt is the type of K.
func By[T, K any](kt *column.KeyType, key func(T) K) Term[T] {
	return Term[T]{start: func(descending, last bool) term[T] {
		// The chunk's keys stand in a slice: a key on the stack would escape,
		// one allocation a row.
		var keys []K
		return term[T]{
			load: func(rows []T) {
				keys = keys[:0]
				for i := range rows {
					keys = append(keys, key(rows[i]))
				}
			},
			append: func(dst []byte, i int) []byte {
				if last && !descending {
					return kt.Append(dst, unsafe.Pointer(&keys[i]))
				}
				return kt.AppendPart(dst, unsafe.Pointer(&keys[i]), descending)
			},
		}
	}}
}

// orderer makes the normalised keys of chunks of rows. One goroutine uses it.
type orderer[T any] struct {
	terms []term[T]
	keys  column.Keys
	one   []byte
}

func newOrderer[T any](o Order[T]) *orderer[T] {
	r := &orderer[T]{}
	for i, t := range o {
		r.terms = append(r.terms, t.start(t.descending, i == len(o)-1))
	}
	return r
}

// keysOf returns the keys of rows, valid until the next call.
func (o *orderer[T]) keysOf(rows []T) *column.Keys {
	o.keys.Reset()
	for _, t := range o.terms {
		t.load(rows)
	}
	for i := range rows {
		o.one = o.one[:0]
		for _, t := range o.terms {
			o.one = t.append(o.one, i)
		}
		o.keys.Add(o.one)
	}
	return &o.keys
}
