package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Filter gives the rows for which keep is true. It keeps the order of a sorted
// dataset.
func Filter[T any](in Dataset[T], keep func(T) bool) Dataset[T] {
	return fused[T, T](in, "Filter", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "Filter", keep)
		return operator.Filter(e, keep)
	})
}

// FilterErr is Filter for a function that may fail: an error fails the task,
// naming the row's place in the input.
func FilterErr[T any](in Dataset[T], keep func(*Context, T) (bool, error)) Dataset[T] {
	return fused[T, T](in, "FilterErr", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "FilterErr", keep)
		return operator.TryFilter(e, keep)
	})
}
