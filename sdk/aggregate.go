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
// must not keep their pointer, and Merge must leave other and what it points to
// as it is. Package agg, below this one, has ready-made ones.
type Aggregator[V, A, R any] struct {
	Init   func() A                // nil means the zero state
	Add    func(state *A, value V) // required
	Merge  func(state *A, other A) // required
	Finish func(state A) R         // required

	// Err says why the aggregator cannot be used: a function that makes one sets
	// it instead of failing, and the job that uses it is refused.
	Err error
}

// check reports what is wrong with an aggregator and gives it an Init.
func (a Aggregator[V, A, R]) check(p *Pipeline, at graph.Position, op string) Aggregator[V, A, R] {
	if a.Err != nil {
		p.graph.Fail(at, fmt.Errorf("%s: %w", op, a.Err))
		return a
	}
	requireFunc(p, at, op+"'s Add", a.Add)
	requireFunc(p, at, op+"'s Merge", a.Merge)
	requireFunc(p, at, op+"'s Finish", a.Finish)
	if a.Init == nil {
		a.Init = func() (zero A) { return zero }
	}
	return a
}

// Aggregate gives one row a key: the result of agg over the values of the key.
// Values are folded before they move, so the shuffle carries one state a key
// and map task. The order of the results is not defined.
func Aggregate[K, V, A, R any](in Dataset[KV[K, V]], agg Aggregator[V, A, R]) Dataset[KV[K, R]] {
	p, at := in.pipelineOf("Aggregate")
	agg = agg.check(p, at, "Aggregate")
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
