package agg_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

// TestDistinctSketchErrs holds the estimates of many seeds to six times the
// stated standard error, which a sound sketch passes once in 10^9, and their
// mean to what is left of it: so a bias is found as well.
func TestDistinctSketchErrs(t *testing.T) {
	const seeds = 40
	for _, precision := range []int{4, 8, 11} {
		for _, n := range []int{0, 1, 10, 100, 1000, 20_000} {
			a := agg.CountDistinctApprox[uint64](precision)
			deviation := 1.04 / math.Sqrt(math.Exp2(float64(precision)))
			if n <= 1<<precision/8 {
				deviation = 1.04 / math.Sqrt(math.Exp2(25))
			}
			var sum float64
			for seed := range uint64(seeds) {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				values := make([]uint64, n)
				for i := range values {
					values[i] = r.Uint64()
				}
				got := float64(fold(a, append(values, values[:n/3]...)))
				if off := math.Abs(got - float64(n)); off > 6*deviation*float64(n)+1 {
					t.Errorf("precision %d, seed %d: %v distinct, want %d", precision, seed, got, n)
				}
				sum += got
			}
			if off := math.Abs(sum/seeds - float64(n)); off > 6*deviation*float64(n)/math.Sqrt(seeds)+0.5 {
				t.Errorf("precision %d: %v distinct in the mean, want %d", precision, sum/seeds, n)
			}
		}
	}
}

// TestDistinctSketchIsStable holds estimates still: the hash is a promise.
func TestDistinctSketchIsStable(t *testing.T) {
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprint("word ", i)
	}
	for precision, want := range map[int]int64{6: stable6, 14: stable14} {
		if got := fold(agg.CountDistinctApprox[string](precision), words); got != want {
			t.Errorf("CountDistinctApprox(%d) of 3000 words = %d, want %d as ever", precision, got, want)
		}
	}
}

const stable6, stable14 = 2819, 3004

// TestSketchesDoNotMindSplits checks sizes at which forms change.
func TestSketchesDoNotMindSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 30, 34, 600} {
		values := make([]float64, n)
		for i := range values {
			values[i] = math.Ldexp(r.NormFloat64(), r.IntN(2000)-1000)
		}
		for _, precision := range []int{4, 8} {
			sheaftest.CheckAggregator(t, agg.CountDistinctApprox[float64](precision), values)
		}
		values[0] = math.NaN()
		sheaftest.CheckAggregator(t, agg.Quantiles[float64](0.01, 0, 0.25, 0.5, 0.99, 1), values)
	}
}

// TestQuantilesErr holds quantiles of all kinds of values to alpha.
func TestQuantilesErr(t *testing.T) {
	kinds := map[string]func(r *rand.Rand) float64{
		"normal":    func(r *rand.Rand) float64 { return r.NormFloat64() },
		"exponents": func(r *rand.Rand) float64 { return math.Ldexp(r.Float64()-0.5, r.IntN(2090)-1065) },
		"bits": func(r *rand.Rand) float64 {
			for {
				if v := math.Float64frombits(r.Uint64()); v == v {
					return v
				}
			}
		},
		"integers": func(r *rand.Rand) float64 { return float64(r.IntN(20) - 10) },
		"edges": func(r *rand.Rand) float64 {
			return []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, -5e-324, 1, 2}[r.IntN(9)]
		},
	}
	at := []float64{0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1}
	for name, draw := range kinds {
		for _, alpha := range []float64{0.25, 0.02, 0.01, 0.001} {
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 2))
				values := make([]float64, 1+r.IntN(1500))
				for i := range values {
					values[i] = draw(r)
				}
				got := fold(agg.Quantiles[float64](alpha, at...), append(values, math.NaN()))
				slices.Sort(values)
				for i, q := range at {
					want := values[int(q*float64(len(values)-1))]
					off := math.Abs(got[i] - want)
					// A product of a number near the least one is rounded to whole ones.
					if got[i] != want && !(off <= alpha*math.Abs(want)*(1+1e-12)+5e-324) {
						t.Errorf("%s, alpha %v, seed %d: quantile %v of %d values is %v, want %v", name, alpha, seed, q, len(values), got[i], want)
					}
					if (q == 0 || q == 1) && got[i] != want {
						t.Errorf("%s, alpha %v, seed %d: quantile %v is %v, want %v exactly", name, alpha, seed, q, got[i], want)
					}
				}
			}
		}
	}
	for _, v := range fold(agg.Quantiles[float64](0.1, at...), []float64{math.NaN()}) {
		if v == v {
			t.Errorf("a quantile of no numbers is %v, want NaN", v)
		}
	}
}

// TestHeavyHittersErr holds counts to their stated error however they came
// together.
func TestHeavyHittersErr(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 3))
		k, zipf := 1+r.IntN(20), rand.NewZipf(r, 1.1+r.Float64(), 1, 200)
		values := make([]string, r.IntN(2000))
		counts := map[string]int64{}
		for i := range values {
			values[i] = fmt.Sprint(zipf.Uint64())
			counts[values[i]]++
		}
		sheaftest.CheckAggregatorFunc(t, agg.HeavyHitters[string](k), values[:min(len(values), 100)], func(a, b agg.Hitters[string]) bool {
			return a.Total == b.Total && b.Error <= b.Total/int64(k+1) && len(b.Rows) <= k
		})
		a := agg.HeavyHitters[string](k)
		got := inParts(r, a, values)
		hold(t, fmt.Sprintf("seed %d, k %d", seed, k), got, counts, int64(len(values)), k)
	}
}

// inParts aggregates values in some states that are merged.
func inParts[V, A, R any](r *rand.Rand, a sdk.Aggregator[V, A, R], values []V) R {
	states := make([]A, 1+r.IntN(6))
	for _, v := range values {
		a.Add(&states[r.IntN(len(states))], v)
	}
	for len(states) > 1 {
		i := r.IntN(len(states) - 1)
		a.Merge(&states[i], states[i+1])
		states = slices.Delete(states, i+1, i+2)
	}
	return a.Finish(states[0])
}

func hold(t *testing.T, what string, h agg.Hitters[string], counts map[string]int64, total int64, k int) {
	t.Helper()
	if h.Total != total || h.Error > total/int64(k+1) || len(h.Rows) > k {
		t.Errorf("%s: total %d, error %d, %d rows; want total %d, error at most %d", what, h.Total, h.Error, len(h.Rows), total, total/int64(k+1))
	}
	if len(counts) <= k && h.Error != 0 {
		t.Errorf("%s: error %d for %d distinct values", what, h.Error, len(counts))
	}
	left := maps.Clone(counts)
	last := int64(math.MaxInt64)
	for _, row := range h.Rows {
		if n := counts[row.Value]; row.Count > n || row.Count+h.Error < n || row.Count > last {
			t.Errorf("%s: %q occurs %d times with an error of %d, want %d", what, row.Value, row.Count, h.Error, n)
		}
		delete(left, row.Value)
		last = row.Count
	}
	for v, n := range left {
		if n > h.Error {
			t.Errorf("%s: %q occurs %d times and is not listed, with an error of %d", what, v, n, h.Error)
		}
	}
}

// TestFastFormsAreNear holds the inexact forms to their errors.
func TestFastFormsAreNear(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 4))
		values := make([]float64, 2+r.IntN(3000))
		var sum float64
		for i := range values {
			values[i] = 1e6 + r.NormFloat64()
			sum += math.Abs(values[i])
		}
		n := float64(len(values))
		if got, want := inParts(r, agg.SumFloatFast[float64](), values), fold(agg.SumFloat[float64](), values); math.Abs(got-want) > n*0x1p-53*sum {
			t.Errorf("seed %d: SumFloatFast = %v, want about %v", seed, got, want)
		}
		// A mean of 10^6 spreads costs 10^12 in the textbook form; this one keeps
		// ten digits of sixteen.
		if got, want := inParts(r, agg.VarianceFast[float64](), values), fold(agg.Variance[float64](), values); math.Abs(got-want) > 1e-6*want {
			t.Errorf("seed %d: VarianceFast = %v, want about %v", seed, got, want)
		}
	}
	near := func(a, b float64) bool { return a == b || a != a && b != b || math.Abs(a-b) <= 1e-9*math.Abs(a) }
	values := []float64{3, 1, 4, 1, 5, 9, 2, 6}
	sheaftest.CheckAggregatorFunc(t, agg.SumFloatFast[float64](), values, near)
	sheaftest.CheckAggregatorFunc(t, agg.VarianceFast[float64](), values, near)
}

// TestEndsOfExactSums pins what happens where numbers end.
func TestEndsOfExactSums(t *testing.T) {
	inf, nan, most := math.Inf(1), math.NaN(), math.MaxFloat64
	tests := []struct {
		values               []float64
		sum, mean, deviation float64
	}{
		{nil, 0, nan, nan},
		{[]float64{math.Copysign(0, -1)}, 0, 0, nan},
		{[]float64{nan, 1}, nan, nan, nan},
		{[]float64{inf, 1}, inf, inf, nan},
		{[]float64{-inf, 1}, -inf, -inf, nan},
		{[]float64{inf, -inf}, nan, nan, nan},
		{[]float64{most, most}, inf, most, 0},
		{[]float64{most, most, -most, -most}, 0, 0, inf},
		{[]float64{1, 1e100, 1, -1e100}, 2, 0.5, math.Sqrt(2e200 / 3)},
		{[]float64{5e-324, 5e-324}, 1e-323, 5e-324, 0},
	}
	for _, test := range tests {
		for name, c := range map[string][2]float64{
			"SumFloat": {fold(agg.SumFloat[float64](), test.values), test.sum},
			"Mean":     {fold(agg.Mean[float64](), test.values), test.mean},
			"StdDev":   {fold(agg.StdDev[float64](), test.values), test.deviation},
		} {
			if c[0] != c[1] && (c[0] == c[0] || c[1] == c[1]) {
				t.Errorf("%s(%v) = %v, want %v", name, test.values, c[0], c[1])
			}
		}
	}
}

// TestMeanJustAboveTheMiddle takes a mean that is so little above the middle
// of two floats that the bits which are divided out look like the middle.
func TestMeanJustAboveTheMiddle(t *testing.T) {
	const n = 20_000
	values := []float64{2, math.Nextafter(n*0x1p-53, 1)}
	for len(values) < n {
		values = append(values, 1)
	}
	if got, want := fold(agg.Mean[float64](), values), math.Nextafter(1, 2); got != want {
		t.Errorf("Mean = %v, want %v", got, want)
	}
}

// TestLimits shows what happens at limits, and to what cannot be used.
func TestLimits(t *testing.T) {
	gaveUp := func(fn func()) (said string) {
		defer func() { said = fmt.Sprint(recover()) }()
		fn()
		return ""
	}
	ten := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, math.MaxInt64}
	for what, c := range map[string]struct{ got, want string }{
		"sum":      {gaveUp(func() { fold(agg.Sum[int64](), ten) }), "int64 cannot hold"},
		"distinct": {gaveUp(func() { fold(agg.CountDistinct[int64](9), ten) }), "CountDistinctApprox"},
		"enough":   {gaveUp(func() { fold(agg.CountDistinct[int64](10), ten) }), "<nil>"},
		"list":     {fmt.Sprint(agg.CollectList[int](0).Err), "agg.CollectList: the limit is 0"},
		"row":      {fmt.Sprint(agg.CollectSet[chan int](1).Err), "cannot be stored in a column"},
		"sketch":   {fmt.Sprint(agg.CountDistinctApprox[int](19).Err), "from 4 to 18"},
		"alpha":    {fmt.Sprint(agg.Quantiles[int](math.NaN(), 0.5).Err), "alpha is NaN"},
		"quantile": {fmt.Sprint(agg.Quantiles[int](0.01, 1.5).Err), "no quantile 1.5"},
		"bounds":   {fmt.Sprint(agg.Histogram[int](1, 1).Err), "bound 1 is 1"},
		"hitters":  {fmt.Sprint(agg.HeavyHitters[int](0).Err), "k is 0"},
		"pair":     {fmt.Sprint(agg.Pair(agg.Count[int](), agg.HeavyHitters[int](0)).Err), "agg.Pair: agg.HeavyHitters: k is 0"},
		"nil":      {fmt.Sprint(agg.On[int, int](nil, agg.Count[int]()).Err), "agg.On: it needs a function"},
		"hollow":   {fmt.Sprint(agg.If(func(int) bool { return true }, sdk.Aggregator[int, int, int]{}).Err), "lacks Add"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s: %q, want it to say %q", what, c.got, c.want)
		}
	}
	unsum := fold(agg.Sum[int64](), append(ten, math.MinInt64)) // no sum on the way counts
	if unsum != 44 {
		t.Errorf("Sum = %d, want 44", unsum)
	}
}

// FuzzSumFloat compares exact sums of any bits, in parts, with rational numbers.
func FuzzSumFloat(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xf0\x3f\xff\xff\xff\xff\xff\xff\xef\x7f\x01\x00\x00\x00\x00\x00\x00\x80"), uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		var values []float64
		for ; len(data) >= 8; data = data[8:] {
			if v := math.Float64frombits(binary.LittleEndian.Uint64(data)); v-v == 0 {
				values = append(values, v)
			}
		}
		r := rand.New(rand.NewPCG(seed, 0))
		if got, want := inParts(r, agg.SumFloat[float64](), values), rounded(rational(values, same)); got != want {
			t.Errorf("SumFloat(%v) = %v, want %v", values, got, want)
		}
		if got, want := inParts(r, agg.Variance[float64](), values), naiveVariance(values); got != want && got == got {
			t.Errorf("Variance(%v) = %v, want %v", values, got, want)
		}
	})
}
