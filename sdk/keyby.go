package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// KeyBy gives every row with its key.
func KeyBy[K, T any](in Dataset[T], key func(T) K) Dataset[KV[K, T]] {
	return fused[T, KV[K, T]](in, "KeyBy", func(e *operator.Edge) *operator.Fused {
		requireFunc(in.pipeline, caller(), "KeyBy", key)
		return operator.Map(e, func(row T) KV[K, T] { return KV[K, T]{Key: key(row), Value: row} })
	})
}
