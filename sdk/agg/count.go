package agg

import "github.com/sheafdata/sheaf/sdk"

// Count counts values. State: 8 bytes.
func Count[V any]() sdk.Aggregator[V, int64, int64] {
	return sdk.Aggregator[V, int64, int64]{
		Add:    func(n *int64, _ V) { *n++ },
		Merge:  func(n *int64, other int64) { *n += other },
		Finish: func(n int64) int64 { return n },
	}
}
