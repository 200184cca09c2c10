package agg_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

// order is a row with all that makes comparing hard.
type order struct {
	Product string
	Price   float64
	Note    []byte
}

var orders = rapid.Custom(func(t *rapid.T) order {
	return order{
		Product: rapid.SampledFrom([]string{"", "ink", "pen", "pad\x00"}).Draw(t, "product"),
		Price:   rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, -2, math.NaN(), math.Inf(1)}).Draw(t, "price"),
		Note:    rapid.SampledFrom([][]byte{nil, {}, {0}, []byte("n")}).Draw(t, "note"),
	}
})

// floats are numbers whose sums lose everything if they are rounded in between.
var floats = rapid.Custom(func(t *rapid.T) float64 {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return float64(rapid.IntRange(-100, 100).Draw(t, "small"))
	case 1:
		return rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 5e-324, -5e-324, 0x1p-1022, 1e16, -1e16, 1e300}).Draw(t, "edge")
	}
	b := rapid.Uint64().Draw(t, "bits")
	if b>>52&0x7ff == 0x7ff {
		b ^= 1 << 60
	}
	return math.Float64frombits(b)
})

// check is CheckAggregator with a comparison to what plain code makes of the
// values. Results are compared as they print: NaN equals NaN.
func check[V, A, R any](t *testing.T, name string, a sdk.Aggregator[V, A, R], values *rapid.Generator[V], naive func([]V) R) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			in := rapid.SliceOfN(values, 0, 60).Draw(rt, "values")
			if got, want := fmt.Sprintf("%v", fold(a, in)), fmt.Sprintf("%v", naive(in)); got != want {
				rt.Fatalf("%s(%v) = %s, want %s", name, in, got, want)
			}
		})
		for seed := range 3 {
			sheaftest.CheckAggregator(t, a, rapid.SliceOfN(values, 1, 120).Example(seed))
		}
		sheaftest.CheckAggregator(t, a, nil)
	})
}

// fold aggregates values in one state.
func fold[V, A, R any](a sdk.Aggregator[V, A, R], values []V) R {
	if a.Err != nil {
		panic(a.Err)
	}
	var state A
	if a.Init != nil {
		state = a.Init()
	}
	for _, v := range values {
		a.Add(&state, v)
	}
	return a.Finish(state)
}

// rational is the exact sum of values, of fn of each.
func rational[N float64 | int64 | uint64](values []N, fn func(*big.Rat) *big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, v := range values {
		var r *big.Rat
		switch v := any(v).(type) {
		case float64:
			r = new(big.Rat).SetFloat64(v)
		case int64:
			r = new(big.Rat).SetInt64(v)
		case uint64:
			r = new(big.Rat).SetUint64(v)
		}
		sum.Add(sum, fn(r))
	}
	return sum
}

func same(r *big.Rat) *big.Rat { return r }

func square(r *big.Rat) *big.Rat { return new(big.Rat).Mul(r, r) }

func rounded(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}

func naiveMean[N float64 | int64 | uint64](values []N) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sum := rational(values, same)
	return rounded(sum.Quo(sum, big.NewRat(int64(len(values)), 1)))
}

func naiveVariance[N float64 | int64 | uint64](values []N) float64 {
	n := int64(len(values))
	if n < 2 {
		return math.NaN()
	}
	mean := rational(values, same)
	mean.Quo(mean, big.NewRat(n, 1))
	sum := rational(values, func(r *big.Rat) *big.Rat { return square(new(big.Rat).Sub(r, mean)) })
	return rounded(sum.Quo(sum, big.NewRat(n-1, 1)))
}

func compareFloats(a, b float64) int {
	if a != a || b != b {
		return cmp.Compare(b, a) // NaN comes last
	}
	return cmp.Compare(a, b)
}

// compareOrders is the order of whole rows.
func compareOrders(a, b order) int {
	if (a.Note == nil) != (b.Note == nil) {
		return cmp.Or(cmp.Compare(a.Product, b.Product), compareFloats(a.Price, b.Price), map[bool]int{true: -1, false: 1}[a.Note == nil])
	}
	return cmp.Or(cmp.Compare(a.Product, b.Product), compareFloats(a.Price, b.Price), slices.Compare(a.Note, b.Note))
}

// sorted are the rows as they come out of keys.
func sorted(in []order) []order {
	in = slices.Clone(in)
	for i := range in {
		in[i].Price += 0 // no -0
	}
	slices.SortStableFunc(in, compareOrders)
	return in
}

func distinct(in []order) []order {
	return slices.CompactFunc(sorted(in), func(a, b order) bool { return compareOrders(a, b) == 0 })
}

// leading is the first of the rows that an order puts first.
func leading(compare func(a, b order) int) func([]order) agg.Maybe[order] {
	return func(in []order) (first agg.Maybe[order]) {
		for _, o := range sorted(in) {
			if !first.OK || compare(o, first.Value) < 0 {
				first = agg.Maybe[order]{Value: o, OK: true}
			}
		}
		return first
	}
}

func list(rows []order, limit int) agg.List[order] {
	if len(rows) > limit {
		return agg.List[order]{Rows: rows[:limit], More: true}
	}
	return agg.List[order]{Rows: rows}
}

func extreme[V any](compare func(a, b V) int, plain func(V) V) func([]V) agg.Maybe[V] {
	return func(in []V) (m agg.Maybe[V]) {
		for _, v := range in {
			if !m.OK || compare(v, m.Value) < 0 {
				m = agg.Maybe[V]{Value: plain(v), OK: true}
			}
		}
		return m
	}
}

func price(o order) float64 { return o.Price }

// TestAggregators compares every aggregator whose result does not depend on
// splits with plain code, and checks that it does not.
func TestAggregators(t *testing.T) {
	check(t, "Count", agg.Count[order](), orders, func(in []order) int64 { return int64(len(in)) })
	check(t, "Sum", agg.Sum[int8](), rapid.Int8(), func(in []int8) (sum int64) {
		for _, n := range in {
			sum += int64(n)
		}
		return sum
	})
	check(t, "SumFloat", agg.SumFloat[float64](), floats, func(in []float64) float64 { return rounded(rational(in, same)) })
	check(t, "Mean", agg.Mean[float64](), floats, naiveMean)
	check(t, "Mean of int64", agg.Mean[int64](), rapid.Int64(), naiveMean)
	check(t, "Mean of uint64", agg.Mean[uint64](), rapid.Uint64(), naiveMean)
	check(t, "Variance", agg.Variance[float64](), floats, naiveVariance)
	check(t, "Variance of int64", agg.Variance[int64](), rapid.Int64(), naiveVariance)
	check(t, "StdDev", agg.StdDev[float64](), floats, func(in []float64) float64 { return math.Sqrt(naiveVariance(in)) })

	positive := func(v float64) float64 { return v + 0 }
	check(t, "Min", agg.Min[float64](), prices(), extreme(compareFloats, positive))
	check(t, "Max", agg.Max[float64](), prices(), extreme(func(a, b float64) int { return compareFloats(b, a) }, positive))
	check(t, "Min of strings", agg.Min[string](), rapid.String(), extreme(strings.Compare, func(s string) string { return s }))

	byProduct := func(a, b order) int { return strings.Compare(a.Product, b.Product) }
	byPrice := func(a, b order) int { return compareFloats(a.Price, b.Price) }
	check(t, "First", agg.First(byProduct), orders, leading(byProduct))
	check(t, "Last", agg.Last(byProduct), orders, leading(func(a, b order) int { return byProduct(b, a) }))
	check(t, "ArgMin", agg.ArgMin(price), orders, leading(byPrice))
	check(t, "ArgMax", agg.ArgMax(price), orders, leading(func(a, b order) int { return byPrice(b, a) }))

	for _, limit := range []int{1, 3, 25, 1000} {
		check(t, fmt.Sprint("CollectList ", limit), agg.CollectList[order](limit), orders, func(in []order) agg.List[order] { return list(sorted(in), limit) })
		check(t, fmt.Sprint("CollectSet ", limit), agg.CollectSet[order](limit), orders, func(in []order) agg.List[order] { return list(distinct(in), limit) })
	}
	check(t, "CountDistinct", agg.CountDistinct[order](1000), orders, func(in []order) int64 { return int64(len(distinct(in))) })
	check(t, "Histogram", agg.Histogram[float64](-2, 0, 1.5), prices(), func(in []float64) []int64 {
		counts := make([]int64, 4)
		for _, v := range in {
			switch {
			case v < -2:
				counts[0]++
			case v < 0:
				counts[1]++
			case v < 1.5:
				counts[2]++
			default:
				counts[3]++
			}
		}
		return counts
	})
	check(t, "Pair", agg.Pair(agg.Count[order](), agg.On(price, agg.Max[float64]())), orders, func(in []order) agg.Two[int64, agg.Maybe[float64]] {
		m := fold(agg.ArgMax(price), in)
		return agg.Two[int64, agg.Maybe[float64]]{First: int64(len(in)), Second: agg.Maybe[float64]{Value: m.Value.Price, OK: m.OK}}
	})
	ink := func(o order) bool { return o.Product == "ink" }
	length := func(o order) int { return len(o.Product) }
	check(t, "Triple", agg.Triple(agg.Count[order](), agg.If(ink, agg.Count[order]()), agg.On(length, agg.Histogram[int]())), orders,
		func(in []order) agg.Three[int64, int64, []int64] {
			inks := slices.DeleteFunc(slices.Clone(in), func(o order) bool { return !ink(o) })
			return agg.Three[int64, int64, []int64]{First: int64(len(in)), Second: int64(len(inks)), Third: []int64{int64(len(in))}}
		})
}

// prices are the floats that are hard to compare.
func prices() *rapid.Generator[float64] { return rapid.Map(orders, price) }
