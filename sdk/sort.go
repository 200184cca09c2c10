package sdk

import (
	"fmt"
	"strings"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Order is one term of a sort order; make it with By.
type Order[T any] struct {
	at   graph.Position
	key  func() (operator.Term[T], error)
	name string // of the key's type
	desc bool
}

// By sorts rows by a key of theirs, ascending. A key is any row type: numbers
// and times by value (NaN after all numbers), strings and []byte bytewise,
// false before true, nil before any value, structs field by field, slices
// element by element.
func By[T, K any](key func(T) K) Order[T] {
	return Order[T]{at: caller(), name: typeName[K](), key: func() (operator.Term[T], error) { return term(key) }}
}

// Descending turns the term around.
func (o Order[T]) Descending() Order[T] {
	o.desc = !o.desc
	return o
}

// Sort puts all rows in order: the first term that differs decides, and rows
// that all terms hold equal keep the order of the input. Without a term rows
// are compared as a whole. The order holds over all output files, whose names
// sort alike, and through Map, Filter and FlatMap.
func Sort[T any](in Dataset[T], orders ...Order[T]) Dataset[T] {
	p, at := in.pipelineOf("Sort")
	typ := rowType[T](p, at)
	n := &graph.Node{Op: "Sort", At: at, Kind: plan.Range, Detail: directions(orders), Key: orderName(orders)}
	return exchanged[T, T](in, n, typ, operator.Sort(typ, operator.EdgeOf[T](typ), terms(p, at, orders)))
}

// TopK gives the first k rows of an order, in that order; of rows that the
// order holds equal, those that come first in the input. It holds k rows a task
// in memory.
func TopK[T any](in Dataset[T], k int, orders ...Order[T]) Dataset[T] {
	p, at := in.pipelineOf("TopK")
	if k < 1 || k > MaxTopK {
		p.failf(at, "TopK(%d): k must be from 1 to %d; for more rows use Sort", k, MaxTopK)
		k = 1
	}
	typ := rowType[T](p, at)
	n := &graph.Node{Op: "TopK", At: at, Kind: plan.Gather, Detail: fmt.Sprint(k, " ", directions(orders)), Key: orderName(orders), Limit: k}
	return exchanged[T, T](in, n, typ, operator.TopK(typ, operator.EdgeOf[T](typ), k, terms(p, at, orders)))
}

// MaxTopK bounds the k of TopK, whose rows stand in memory.
const MaxTopK = 1_000_000

// directions tells apart, for the fingerprint, orders that differ.
func directions[T any](orders []Order[T]) string {
	var b strings.Builder
	for _, o := range orders {
		if o.desc {
			b.WriteByte('-')
		} else {
			b.WriteByte('+')
		}
	}
	return b.String()
}

// orderName says by what rows are ordered.
func orderName[T any](orders []Order[T]) string {
	if len(orders) == 0 {
		return typeName[T]()
	}
	names := make([]string, len(orders))
	for i, o := range orders {
		if names[i] = o.name; o.desc {
			names[i] += " descending"
		}
	}
	return strings.Join(names, ", ")
}

// terms makes the terms of a sort; none means the whole row.
func terms[T any](p *Pipeline, at graph.Position, orders []Order[T]) operator.Order[T] {
	if len(orders) == 0 {
		orders = []Order[T]{{at: at, key: func() (operator.Term[T], error) {
			return term(func(row T) T { return row })
		}}}
	}
	var list operator.Order[T]
	for _, o := range orders {
		if o.key == nil {
			p.failf(at, "a sort order is empty; make it with By")
			continue
		}
		t, err := o.key()
		if err != nil {
			p.graph.Fail(o.at, err)
			continue
		}
		if o.desc {
			t = t.Descending()
		}
		list = append(list, t)
	}
	return list
}
