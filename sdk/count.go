package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Count gives every distinct row with the number of times it occurs. The order
// of the results is not defined.
func Count[T any](in Dataset[T]) Dataset[KV[T, int64]] {
	p, at := in.pipelineOf("Count")
	return aggregate(in, "Count", operator.Aggregation[T, T, int64, KV[T, int64]]{
		Key: keyType[T](p, at), State: rowType[int64](p, at),
		Counts: true,
		Finish: pairs[T, int64],
	})
}
