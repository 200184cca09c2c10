package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Map gives fn's result for every row. It keeps the order of a sorted dataset.
func Map[T, U any](in Dataset[T], fn func(T) U) Dataset[U] {
	return fused[T, U](in, "Map", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "Map", fn)
		return operator.Map(e, fn)
	})
}

// MapErr is Map for a function that may fail: an error fails the task, naming
// the row's place in the input.
func MapErr[T, U any](in Dataset[T], fn func(*Context, T) (U, error)) Dataset[U] {
	return fused[T, U](in, "MapErr", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "MapErr", fn)
		return operator.TryMap(e, fn)
	})
}
