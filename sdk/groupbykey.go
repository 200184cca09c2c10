package sdk

import (
	"iter"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// GroupByKey calls fn once a key with all its values and gives what fn emits.
// The values are streamed: they may be more than memory holds, can be ranged
// over once, and come in a fixed order (that of the input, task by task)
// whatever runs first. Keys come in ascending order, and so do the results
// over all output files when fn emits in order. fn need not take all values.
func GroupByKey[K, V, R any](in Dataset[KV[K, V]], fn func(key K, values iter.Seq[V], emit Emit[R])) Dataset[R] {
	p, at := in.pipelineOf("GroupByKey")
	requireFunc(p, at, "GroupByKey", fn)
	return group(in, "GroupByKey", nil, func(_ *Context, key K, values iter.Seq[V], emit Emit[R]) error {
		fn(key, values, emit)
		return nil
	})
}

// GroupByKeyErr is GroupByKey for a function that may fail: an error fails the
// task.
func GroupByKeyErr[K, V, R any](in Dataset[KV[K, V]], fn func(ctx *Context, key K, values iter.Seq[V], emit Emit[R]) error) Dataset[R] {
	p, at := in.pipelineOf("GroupByKeyErr")
	requireFunc(p, at, "GroupByKeyErr", fn)
	return group(in, "GroupByKeyErr", nil, fn)
}

// group appends a sorted exchange that streams groups; combine may be nil.
func group[K, V, R any](in Dataset[KV[K, V]], op string, combine func([]V, []uint32, []KV[K, V]) []V, each func(*Context, K, iter.Seq[V], Emit[R]) error) Dataset[R] {
	return grouped(in, op, "", operator.Grouping[K, V, R]{Combine: combine, Each: each})
}

// grouped appends a sorted exchange for a grouping, whose types it fills in. detail,
// which may be empty, tells it apart beside key and value.
func grouped[K, V, R any](in Dataset[KV[K, V]], op, detail string, g operator.Grouping[K, V, R]) Dataset[R] {
	return exchangedGroups(in, op, detail, g, operator.GroupByKey)
}

// exchangedGroups is grouped for any exchange that is made of a grouping.
func exchangedGroups[K, V, R any](in Dataset[KV[K, V]], op, detail string, g operator.Grouping[K, V, R], of func(operator.Grouping[K, V, R]) *operator.Exchange) Dataset[R] {
	p, at := in.pipelineOf(op)
	typ := rowType[R](p, at)
	g.Key, g.Value, g.Out = keyType[K](p, at), rowType[V](p, at), operator.EdgeOf[R](typ)
	n := &graph.Node{Op: op, At: at, Kind: plan.Range, Detail: keyDetail(rowType[K](p, at), g.Value) + detail, Key: typeName[K](), Combines: g.Combine != nil || g.First > 0}
	return exchanged[KV[K, V], R](in, n, typ, of(g))
}

// keyDetail tells apart, for the fingerprint, exchanges whose keys or values differ.
func keyDetail(key, value *column.Type) string {
	return "key " + key.String() + " value " + value.String()
}
