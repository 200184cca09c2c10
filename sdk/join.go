package sdk

import (
	"unsafe"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Join gives what pair makes of every left row with every right row of the same
// key. Keys come in ascending order where both sides are sorted; the pairs of one
// key in none. A key that is nil, or has a nil in it, matches none, as in SQL. Give
// the side with more rows a key as the left one: the right rows of a key are kept,
// in memory or on disk, while the left ones pass by.
//
// When the right side turns out to be small (see BroadcastLimit), nothing is
// sorted: each task of the left side keeps all right rows in memory, and its rows
// pass by and keep their order. Broadcast and SortMerge say beforehand which it is.
func Join[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], pair func(key K, l L, r R) T, opts ...JoinOption) Dataset[T] {
	p, at := left.pipelineOf("Join")
	requireFunc(p, at, "Join", pair)
	return join(left, right, "Join", opts, joinKind[K, L, R, T]{pair: func(key K, l *L, r *R) T { return pair(key, *l, *r) }})
}

// LeftJoin is Join that gives left rows without a partner too, for which r is nil.
func LeftJoin[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], pair func(key K, l L, r *R) T, opts ...JoinOption) Dataset[T] {
	p, at := left.pipelineOf("LeftJoin")
	requireFunc(p, at, "LeftJoin", pair)
	return join(left, right, "LeftJoin", opts, joinKind[K, L, R, T]{keepLeft: true, pair: func(key K, l *L, r *R) T { return pair(key, *l, lasting(r)) }})
}

// RightJoin is Join that gives right rows without a partner too, for which l is nil.
// Both sides are sorted, whatever their size.
func RightJoin[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], pair func(key K, l *L, r R) T) Dataset[T] {
	p, at := left.pipelineOf("RightJoin")
	requireFunc(p, at, "RightJoin", pair)
	return join(left, right, "RightJoin", nil, joinKind[K, L, R, T]{keepRight: true, pair: func(key K, l *L, r *R) T { return pair(key, lasting(l), *r) }})
}

// FullJoin is Join that gives rows of both sides without a partner too; the other
// one is nil then, never both. Both sides are sorted, whatever their size.
func FullJoin[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], pair func(key K, l *L, r *R) T) Dataset[T] {
	p, at := left.pipelineOf("FullJoin")
	requireFunc(p, at, "FullJoin", pair)
	return join(left, right, "FullJoin", nil, joinKind[K, L, R, T]{keepLeft: true, keepRight: true, pair: func(key K, l *L, r *R) T { return pair(key, lasting(l), lasting(r)) }})
}

// lasting copies a row that user code may keep.
func lasting[V any](v *V) *V {
	if v != nil {
		v = new(*v)
	}
	return v
}

// joinKind tells joins apart.
type joinKind[K, L, R, T any] struct {
	keepLeft, keepRight bool
	pair                func(key K, l *L, r *R) T
}

func join[K, L, R, T any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], op string, opts []JoinOption, kind joinKind[K, L, R, T]) Dataset[T] {
	p, at := left.pipelineOf(op)
	sides := sided(left, right, op)
	typ, value := rowType[T](p, at), rowType[operator.Sided[L, R]](p, at)
	n := &graph.Node{Op: op, At: at, Kind: plan.Range, Detail: keyDetail(rowType[K](p, at), value), Key: typeName[K]()}
	if !kind.keepRight {
		n.Side = sideOf[R](p, at, op, sides.node, opts)
	}
	return exchanged[KV[K, operator.Sided[L, R]], T](sides, n, typ, operator.JoinSorted(operator.Join[K, L, R, T]{
		Key: keyType[K](p, at), Value: value, Left: rowType[L](p, at), Right: rowType[R](p, at), Out: operator.EdgeOf[T](typ), Name: nameAt(op, at),
		KeepLeft: kind.keepLeft, KeepRight: kind.keepRight, IsNull: nullKey[K](), Pair: kind.pair,
	}))
}

// SemiJoin gives the left rows whose key some right row has, each once. Rows of a
// key keep the order of the input; keys ascend where both sides are sorted. Then
// nothing is held in memory. When the right side has few keys, they are kept
// there, as in Join, and left rows stay where they are, in their order.
func SemiJoin[K, L, R any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], opts ...JoinOption) Dataset[KV[K, L]] {
	return filterJoin(left, right, "SemiJoin", opts, true)
}

// AntiJoin gives the left rows whose key no right row has; a key that is nil is
// none. Otherwise it is as SemiJoin.
func AntiJoin[K, L, R any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], opts ...JoinOption) Dataset[KV[K, L]] {
	return filterJoin(left, right, "AntiJoin", opts, false)
}

// filterJoin gives left rows by whether their key stands on the right. Of right
// rows only the keys move.
func filterJoin[K, L, R any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], op string, opts []JoinOption, matched bool) Dataset[KV[K, L]] {
	keys := fused[KV[K, R], KV[K, struct{}]](right, op+".keys", func(e *operator.Edge) *operator.Fused {
		return operator.Map(e, func(row KV[K, R]) KV[K, struct{}] { return KV[K, struct{}]{Key: row.Key} })
	})
	p, at := left.pipelineOf(op)
	sides := sided(left, keys, op)
	typ, value := rowType[KV[K, L]](p, at), rowType[operator.Sided[L, struct{}]](p, at)
	n := &graph.Node{
		Op: op, At: at, Kind: plan.Range, Detail: keyDetail(rowType[K](p, at), value), Key: typeName[K](),
		Side: sideOf[struct{}](p, at, op, sides.node, opts),
	}
	return exchanged[KV[K, operator.Sided[L, struct{}]], KV[K, L]](sides, n, typ, operator.FilterJoin(operator.Join[K, L, struct{}, KV[K, L]]{
		Key: keyType[K](p, at), Value: value, Right: rowType[struct{}](p, at), Out: operator.EdgeOf[KV[K, L]](typ), Name: nameAt(op, at), IsNull: nullKey[K](),
	}, matched))
}

// sided gives the rows of two sides as rows of one type.
func sided[K, L, R any](left Dataset[KV[K, L]], right Dataset[KV[K, R]], op string) Dataset[KV[K, operator.Sided[L, R]]] {
	left.pipelineOf(op)
	right.pipelineOf(op)
	type row = operator.Sided[L, R]
	return Union(
		asSide(left, op+".left", func(l L) row { return row{IsLeft: true, Left: l} }),
		asSide(right, op+".right", func(r R) row { return row{Right: r} }),
	)
}

// nullKey returns what tells keys that match none; nil for types without.
func nullKey[K any]() func(key *K) bool {
	typ, err := column.For[K]()
	if err != nil || !typ.Nullable() {
		return nil
	}
	return func(key *K) bool { return typ.HasNull(unsafe.Pointer(key)) }
}

// crossParts is over how many parts a cross join spreads its left rows: so many
// tasks can work, and the right rows move so many times.
const crossParts = 16

// CrossJoin gives what pair makes of every left row with every right row. The right
// rows are moved and kept, in memory or on disk, once for each of 16 parts of the
// left ones: let the smaller side be the right one. The pairs come in no order.
func CrossJoin[L, R, T any](left Dataset[L], right Dataset[R], pair func(l L, r R) T) Dataset[T] {
	p, at := left.pipelineOf("CrossJoin")
	right.pipelineOf("CrossJoin")
	requireFunc(p, at, "CrossJoin", pair)
	row := keyType[L](p, at)
	l := fused[L, KV[uint8, L]](left, "CrossJoin.spread", func(e *operator.Edge) *operator.Fused {
		return operator.Map(e, func(v L) KV[uint8, L] {
			// By the row itself, so that it goes to the same part when it is made again.
			part := column.Bucket(column.HashKey(row.Append(nil, unsafe.Pointer(&v))), crossParts)
			return KV[uint8, L]{Key: uint8(part), Value: v}
		})
	})
	r := fused[R, KV[uint8, R]](right, "CrossJoin.repeat", func(e *operator.Edge) *operator.Fused {
		return operator.FlatMap(e, func(v R, emit Emit[KV[uint8, R]]) {
			for part := range uint8(crossParts) {
				emit(KV[uint8, R]{Key: part, Value: v})
			}
		})
	})
	return join(l, r, "CrossJoin", []JoinOption{SortMerge()}, joinKind[uint8, L, R, T]{pair: func(_ uint8, l *L, r *R) T { return pair(*l, *r) }})
}
