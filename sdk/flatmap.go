package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// FlatMap gives every row that fn emits: none, one or many for a row. It keeps
// the order of a sorted dataset. fn must not call emit after it has returned.
func FlatMap[T, U any](in Dataset[T], fn func(row T, emit Emit[U])) Dataset[U] {
	return fused[T, U](in, "FlatMap", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "FlatMap", fn)
		return operator.FlatMap(e, fn)
	})
}

// FlatMapErr is FlatMap for a function that may fail: an error fails the task,
// naming the row's place in the input.
func FlatMapErr[T, U any](in Dataset[T], fn func(ctx *Context, row T, emit Emit[U]) error) Dataset[U] {
	return fused[T, U](in, "FlatMapErr", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "FlatMapErr", fn)
		return operator.TryFlatMap(e, fn)
	})
}
