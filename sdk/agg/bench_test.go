package agg_test

import (
	"math"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
)

// benchAdd measures adding a value to a state.
func benchAdd[A, R any](b *testing.B, name string, a sdk.Aggregator[float64, A, R]) {
	b.Run(name, func(b *testing.B) {
		values := make([]float64, 4096)
		for i := range values {
			values[i] = math.Ldexp(float64(i*2654435761%4093)-2000, i%30)
		}
		var state A
		if a.Init != nil {
			state = a.Init()
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			a.Add(&state, values[i&4095])
			i++
		}
	})
}

// BenchmarkAdd measures a value of each aggregator.
func BenchmarkAdd(b *testing.B) {
	itself := func(v float64) float64 { return v }
	benchAdd(b, "Count", agg.Count[float64]())
	benchAdd(b, "Sum", agg.On(func(v float64) int64 { return int64(v) }, agg.Sum[int64]()))
	benchAdd(b, "SumFloat", agg.SumFloat[float64]())
	benchAdd(b, "SumFloatFast", agg.SumFloatFast[float64]())
	benchAdd(b, "Mean", agg.Mean[float64]())
	benchAdd(b, "Variance", agg.Variance[float64]())
	benchAdd(b, "StdDev", agg.StdDev[float64]())
	benchAdd(b, "VarianceFast", agg.VarianceFast[float64]())
	benchAdd(b, "Min", agg.Min[float64]())
	benchAdd(b, "Max", agg.Max[float64]())
	benchAdd(b, "First", agg.First(compareFloats))
	benchAdd(b, "Last", agg.Last(compareFloats))
	benchAdd(b, "ArgMin", agg.ArgMin(itself))
	benchAdd(b, "ArgMax", agg.ArgMax(itself))
	benchAdd(b, "CollectList", agg.CollectList[float64](100))
	benchAdd(b, "CollectSet", agg.CollectSet[float64](100))
	benchAdd(b, "CountDistinct", agg.CountDistinct[float64](1<<20))
	benchAdd(b, "CountDistinctApprox", agg.CountDistinctApprox[float64](14))
	benchAdd(b, "Quantiles", agg.Quantiles[float64](0.01, 0.5))
	benchAdd(b, "HeavyHitters", agg.HeavyHitters[float64](100))
	benchAdd(b, "Histogram", agg.Histogram[float64](-1e6, -1e3, 0, 1e3, 1e6))
	benchAdd(b, "Pair", agg.Pair(agg.Min[float64](), agg.Max[float64]()))
}
