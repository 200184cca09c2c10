package agg

import (
	"math"
	"math/bits"

	"github.com/sheafdata/sheaf/sdk"
)

// wide is a sum of integers in two's complement, 128 bits wide.
type wide struct {
	High int64
	Low  uint64
}

func (w *wide) add(high int64, low uint64) {
	sum, carry := bits.Add64(w.Low, low, 0)
	w.Low, w.High = sum, w.High+high+int64(carry)
}

// Sum adds integers exactly. A sum that int64 cannot hold fails the job, and
// only that: what is added in between may be larger. State: 16 bytes.
func Sum[N Integer]() sdk.Aggregator[N, wide, int64] {
	return sdk.Aggregator[N, wide, int64]{
		Add: func(s *wide, n N) {
			if n < 0 {
				s.add(-1, uint64(n))
			} else {
				s.add(0, uint64(n))
			}
		},
		Merge: func(s *wide, o wide) { s.add(o.High, o.Low) },
		Finish: func(s wide) int64 {
			if s.High != int64(s.Low)>>63 {
				giveUp("agg.Sum: the sum of a key is about %.3g, which int64 cannot hold; add float64 values with SumFloat", float64(s.High)*math.Exp2(64)+float64(s.Low))
			}
			return int64(s.Low)
		},
	}
}

// SumFloat adds floating-point numbers exactly and rounds once, at the end: to
// the float64 nearest to the true sum, ties to even. So cancellation costs
// nothing, and no order or split changes a bit. With NaN, or both infinities,
// the sum is NaN; with one infinity it is that; no values, or only zeros of any
// sign, give 0. Use SumFloatFast where the last bits do not matter. State: 64
// bytes, and 8 more for every 32 binary places that the values span, up to 600.
func SumFloat[F Float]() sdk.Aggregator[F, exact, float64] {
	return sdk.Aggregator[F, exact, float64]{
		Add:    func(s *exact, v F) { s.addFloat(float64(v)) },
		Merge:  func(s *exact, o exact) { s.merge(o) },
		Finish: func(s exact) float64 { return s.over(1) },
	}
}

// SumFloatFast adds floating-point numbers as + does: its last bits depend on
// how the values were split and in which order they came, and so may differ
// from run to run. The error is below n × 2⁻⁵³ times the sum of the absolute
// values, for n values. State: 8 bytes.
func SumFloatFast[F Float]() sdk.Aggregator[F, float64, float64] {
	return sdk.Aggregator[F, float64, float64]{
		Add:    func(s *float64, v F) { *s += float64(v) },
		Merge:  func(s *float64, o float64) { *s += o },
		Finish: func(s float64) float64 { return s },
	}
}
