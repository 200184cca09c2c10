package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// SortWithin puts the rows of every partition in order, by terms as those of Sort:
// rows that all terms hold equal keep the order in which the partition had them, and
// without a term rows are compared as a whole. It stands right behind Repartition,
// RepartitionBy or RepartitionWith, and moves no row again: behind RepartitionWith
// and Partitions, rows are sorted before they move and merged when they arrive;
// behind others, a task sorts what it got. Both spill.
func SortWithin[T any](in Dataset[T], orders ...Order[T]) Dataset[T] {
	p, at := in.pipelineOf("SortWithin")
	typ := rowType[T](p, at)
	var within func(operator.Order[T]) *operator.Exchange
	old := in.node
	if x, ok := old.Impl.(*operator.Exchange); ok && x.Within != nil {
		within = x.Within.(func(operator.Order[T]) *operator.Exchange)
	}
	if within == nil {
		p.failf(at, "SortWithin stands behind %s: it orders the partitions that Repartition, RepartitionBy or RepartitionWith made, and must follow one of them at once; for an order over all rows use Sort", old.Op)
		return in
	}
	n := &graph.Node{
		Op: "SortWithin", At: at, Kind: old.Kind, Buckets: old.Buckets, Cut: old.Cut, Replaces: old,
		Detail: old.Op + " " + directions(orders), Key: old.Key + ", then " + orderName(orders),
	}
	if n.Cut.Numbered {
		n.Kind, n.Buckets = plan.Range, 0
	}
	n.Role, n.Type, n.Inputs, n.Impl = graph.Exchange, typ, old.Inputs, within(terms(p, at, orders))
	return add[T](p, n)
}
