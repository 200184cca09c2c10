package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Ranked is a row with its place in the order of its key. Number counts the rows
// from 1. Rank is the number of the first row that the order holds equal to this
// one: after two rows of rank 1 comes one of rank 3. Dense counts without gaps:
// after two of 1 comes one of 2.
type Ranked[V any] = operator.Ranked[V]

// Rank gives every row its place in an order of the rows of its key. Rows that the
// order holds equal have one rank, and are numbered in the order of the input.
// Keys ascend. Rows of a key are streamed.
func Rank[K, V any](in Dataset[KV[K, V]], orders ...Order[V]) Dataset[KV[K, Ranked[V]]] {
	p, at := in.pipelineOf("Rank")
	requireOrder(p, at, "Rank", orders)
	return exchangedGroups(in, "Rank", " "+directions(orders), operator.Grouping[K, V, KV[K, Ranked[V]]]{Within: terms(p, at, orders)}, operator.Rank)
}
