package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// RepartitionBy brings all rows of a key into one partition, and so into one output
// file. A partition has many keys, whose rows stand among one another; those of one
// key keep the order of the input. SortWithin puts a partition in order.
//
// Without Partitions there are up to DefaultBuckets partitions of about equal
// measured size, or of the size that the target asks for; with it a key's hash alone
// says to which of them it goes, and some may be empty. A key with more rows than a
// partition should have makes a larger one.
func RepartitionBy[K, T any](in Dataset[T], key func(T) K, target ...PartitionTarget) Dataset[T] {
	p, at := in.pipelineOf("RepartitionBy")
	requireFunc(p, at, "RepartitionBy", key)
	cut, parts := cutBy(p, at, "RepartitionBy", target), DefaultBuckets
	if cut.Partitions > 0 {
		cut.Numbered, parts = true, cut.Partitions
	}
	return parted(in, "RepartitionBy", typeName[K](), cut, parts, operator.PartByHash(keyType[K](p, at), key, parts))
}

// parted appends an exchange by numbers of parts.
func parted[T any](in Dataset[T], op, key string, cut plan.Cut, parts int, number func() func([]int, []T) ([]int, error)) Dataset[T] {
	p, at := in.pipelineOf(op)
	typ := rowType[T](p, at)
	n := &graph.Node{Op: op, At: at, Kind: plan.Hash, Buckets: parts, Cut: cut, Key: key}
	return exchanged[T, T](in, n, typ, operator.PartHashed(operator.Parting[T]{
		Type: typ, Edge: operator.EdgeOf[T](typ), Parts: parts, Number: number, Apart: cut.Numbered,
	}))
}
