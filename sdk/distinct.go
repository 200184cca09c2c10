package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Distinct gives every row once. Rows are equal when all their columns are: of
// floats, -0 equals 0 and NaN equals NaN. The order of the results is not
// defined.
func Distinct[T any](in Dataset[T]) Dataset[T] {
	p, at := in.pipelineOf("Distinct")
	type nothing = struct{}
	grow := func(states []nothing, groups []uint32) []nothing {
		for _, g := range groups {
			if int(g) == len(states) {
				states = append(states, nothing{})
			}
		}
		return states
	}
	return aggregate(in, "Distinct", operator.Aggregation[T, T, nothing, T]{
		Key: keyType[T](p, at), State: rowType[nothing](p, at),
		Fold:   func(states []nothing, groups []uint32, _ []T) []nothing { return grow(states, groups) },
		Merge:  func(states []nothing, groups []uint32, _ []nothing) []nothing { return grow(states, groups) },
		Finish: func(dst []T, keys []T, _ []nothing) []T { return append(dst, keys...) },
	})
}
