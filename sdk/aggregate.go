package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// DefaultBuckets is how many hash buckets a map output has: the finest grain
// in which reduce tasks can be cut when the sizes are known.
const DefaultBuckets = 256

// Aggregator folds the values of a key: Init gives an empty state, Add folds a
// value into it, Merge folds another state into it, and Finish makes the
// result. The state must be a row type; a key's values are added in several
// states, in any order, before these are merged, in any order. Add and Merge
// must not keep their pointer.
type Aggregator[V, A, R any] struct {
	Init   func() A                // nil means the zero state
	Add    func(state *A, value V) // required
	Merge  func(state *A, other A) // required
	Finish func(state A) R         // required
}

// Aggregate gives one row a key: the result of agg over the values of the key.
// Values are folded before they move, so the shuffle carries one state a key
// and map task. The order of the results is not defined.
func Aggregate[K, V, A, R any](in Dataset[KV[K, V]], agg Aggregator[V, A, R]) Dataset[KV[K, R]] {
	p, at := in.pipelineOf("Aggregate")
	requireFunc(p, at, "Aggregate's Add", agg.Add)
	requireFunc(p, at, "Aggregate's Merge", agg.Merge)
	requireFunc(p, at, "Aggregate's Finish", agg.Finish)
	if agg.Init == nil {
		agg.Init = func() (zero A) { return zero }
	}
	return aggregate(in, "Aggregate", operator.Aggregation[KV[K, V], K, A, KV[K, R]]{
		Key: keyType[K](p, at), State: rowType[A](p, at),
		Fold: func(states []A, groups []uint32, rows []KV[K, V]) []A {
			for i, g := range groups {
				if int(g) == len(states) {
					states = append(states, agg.Init())
				}
				agg.Add(&states[g], rows[i].Value)
			}
			return states
		},
		Merge: func(states []A, groups []uint32, others []A) []A {
			for i, g := range groups {
				if int(g) == len(states) {
					states = append(states, others[i])
				} else {
					agg.Merge(&states[g], others[i])
				}
			}
			return states
		},
		Finish: func(dst []KV[K, R], keys []K, states []A) []KV[K, R] {
			for i := range keys {
				dst = append(dst, KV[K, R]{Key: keys[i], Value: agg.Finish(states[i])})
			}
			return dst
		},
	})
}

// aggregate appends an aggregating exchange.
func aggregate[T, K, A, R any](in Dataset[T], op string, a operator.Aggregation[T, K, A, R]) Dataset[R] {
	p, at := in.pipelineOf(op)
	typ := rowType[R](p, at)
	a.Out = operator.EdgeOf[R](typ)
	n := &graph.Node{Op: op, At: at, Kind: plan.Hash, Buckets: DefaultBuckets, Detail: stateDetail(a.State), Key: typeName[K](), Combines: true}
	return exchanged[T, R](in, n, typ, operator.Aggregate(a))
}

// stateDetail tells apart, for the fingerprint, exchanges whose states differ.
func stateDetail(state *column.Type) string { return fmt.Sprintf("state %v", state) }
