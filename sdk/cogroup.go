package sdk

import (
	"fmt"
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
)

// CoGroup calls fn once for each key of either dataset, with the key's values of
// both, and gives what fn emits. The values are streamed, those of left first:
// range over left before right, and over each once; what is left over is skipped.
// Keys come in ascending order, values of a side in the order of the input. A key
// that is nil is a key like others.
func CoGroup[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], fn func(key K, left iter.Seq[L], right iter.Seq[R], emit Emit[T])) Dataset[T] {
	p, at := left.pipelineOf("CoGroup")
	requireFunc(p, at, "CoGroup", fn)
	// The first side is the right one of Sided.
	return bySide(sided(right, left, "CoGroup"), "CoGroup", (*operator.Sided[R, L]).Side, func(_ *Context, key K, values iter.Seq[operator.Sided[R, L]], emit Emit[T]) error {
		sides := operator.NewSides(values, (*operator.Sided[R, L]).Side)
		fn(key,
			mapped(sides.Of(0), func(v *operator.Sided[R, L]) L { return v.Right }),
			mapped(sides.Of(1), func(v *operator.Sided[R, L]) R { return v.Left }),
			emit)
		return sides.Err()
	})
}

// three is a row of one of three datasets.
type three[A, B, C any] struct {
	Number uint8
	A      A
	B      B
	C      C
}

func (t *three[A, B, C]) side() byte { return t.Number }

// CoGroup3 is CoGroup of three datasets.
func CoGroup3[K, A, B, C, T any](
	first Dataset[KV[K, A]], second Dataset[KV[K, B]], third Dataset[KV[K, C]],
	fn func(key K, first iter.Seq[A], second iter.Seq[B], third iter.Seq[C], emit Emit[T]),
) Dataset[T] {
	p, at := first.pipelineOf("CoGroup3")
	requireFunc(p, at, "CoGroup3", fn)
	type row = three[A, B, C]
	all := Union(
		asSide(first, "CoGroup3.first", func(v A) row { return row{Number: 0, A: v} }),
		asSide(second, "CoGroup3.second", func(v B) row { return row{Number: 1, B: v} }),
		asSide(third, "CoGroup3.third", func(v C) row { return row{Number: 2, C: v} }),
	)
	return bySide(all, "CoGroup3", (*row).side, func(_ *Context, key K, values iter.Seq[row], emit Emit[T]) error {
		sides := operator.NewSides(values, (*row).side)
		fn(key,
			mapped(sides.Of(0), func(v *row) A { return v.A }),
			mapped(sides.Of(1), func(v *row) B { return v.B }),
			mapped(sides.Of(2), func(v *row) C { return v.C }),
			emit)
		return sides.Err()
	})
}

// MaxCoGroups is the most datasets that CoGroupAll takes.
const MaxCoGroups = 100

// numbered is a row of one of many datasets.
type numbered[V any] struct {
	Number uint8
	Value  V
}

func (n *numbered[V]) side() byte { return n.Number }

// CoGroupAll is CoGroup of any number of datasets with values of one type:
// groups[i] are the key's values of datasets[i].
func CoGroupAll[K, V, T any](datasets []Dataset[KV[K, V]], fn func(key K, groups []iter.Seq[V], emit Emit[T])) Dataset[T] {
	if len(datasets) == 0 {
		panic(zeroDataset{caller(), "CoGroupAll"})
	}
	p, at := datasets[0].pipelineOf("CoGroupAll")
	requireFunc(p, at, "CoGroupAll", fn)
	if len(datasets) > MaxCoGroups {
		p.failf(at, "CoGroupAll takes %d datasets at most, but got %d; unite those whose values need not be told apart", MaxCoGroups, len(datasets))
		datasets = datasets[:1]
	}
	var sides []Dataset[KV[K, numbered[V]]]
	for i, d := range datasets {
		d.pipelineOf("CoGroupAll")
		sides = append(sides, asSide(d, fmt.Sprintf("CoGroupAll.%d", i+1), func(v V) numbered[V] { return numbered[V]{uint8(i), v} }))
	}
	n := len(datasets)
	return bySide(Union(sides[0], sides[1:]...), "CoGroupAll", (*numbered[V]).side, func(_ *Context, key K, values iter.Seq[numbered[V]], emit Emit[T]) error {
		sides := operator.NewSides(values, (*numbered[V]).side)
		groups := make([]iter.Seq[V], n)
		for i := range groups {
			groups[i] = mapped(sides.Of(byte(i)), func(v *numbered[V]) V { return v.Value })
		}
		fn(key, groups, emit)
		return sides.Err()
	})
}

// asSide gives every value as a row of one of several sides.
func asSide[K, V, S any](in Dataset[KV[K, V]], op string, side func(V) S) Dataset[KV[K, S]] {
	return fused[KV[K, V], KV[K, S]](in, op, func(e *operator.Edge) *operator.Fused {
		return operator.Map(e, func(row KV[K, V]) KV[K, S] { return KV[K, S]{Key: row.Key, Value: side(row.Value)} })
	})
}

// bySide groups rows of several sides by key, side by side.
func bySide[K, S, T any](in Dataset[KV[K, S]], op string, side func(*S) byte, each func(*Context, K, iter.Seq[S], Emit[T]) error) Dataset[T] {
	return grouped(in, op, "", operator.Grouping[K, S, T]{Within: operator.BySide(side), Each: each})
}

// mapped gives what of makes of every value.
func mapped[V, W any](values iter.Seq[V], of func(*V) W) iter.Seq[W] {
	return func(yield func(W) bool) {
		for v := range values {
			if !yield(of(&v)) {
				return
			}
		}
	}
}
