package agg

import (
	"slices"
	"sort"

	"github.com/sheafdata/sheaf/sdk"
)

// Histogram counts the values between bounds, which ascend: the first result is
// how many are less than bounds[0], the next how many are at least bounds[0] and
// less than bounds[1], the last how many are at least the last bound or NaN.
// There is one count more than bounds. Integers are compared as float64. State:
// 8 bytes a count.
func Histogram[N Number](bounds ...float64) sdk.Aggregator[N, []int64, []int64] {
	for i, b := range bounds {
		if b != b || i > 0 && b <= bounds[i-1] {
			return refused[N, []int64, []int64]("Histogram", "bound %d is %v: bounds must be numbers, each greater than the one before", i, b)
		}
	}
	bounds = slices.Clone(bounds)
	return sdk.Aggregator[N, []int64, []int64]{
		Init: func() []int64 { return make([]int64, len(bounds)+1) },
		Add: func(counts *[]int64, v N) {
			f := float64(v)
			(*counts)[sort.Search(len(bounds), func(i int) bool { return f < bounds[i] })]++
		},
		Merge: func(counts *[]int64, other []int64) {
			for i, n := range other {
				(*counts)[i] += n
			}
		},
		Finish: func(counts []int64) []int64 { return slices.Clone(counts) },
	}
}
