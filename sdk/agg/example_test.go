package agg_test

import (
	"context"
	"fmt"
	"math"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
)

// sale is a row of the examples.
type sale struct {
	Product string
	Euros   float64
	Buyer   string
}

var sales = []sale{
	{"ink", 9, "ann"}, {"pen", 1.5, "bob"}, {"ink", 11, "bob"}, {"pen", 2.5, "ann"}, {"ink", 10, "ann"},
}

func euros(s sale) float64 { return s.Euros }

func buyer(s sale) string { return s.Buyer }

// overall prints what an aggregator makes of all sales.
func overall[A, R any](a sdk.Aggregator[sale, A, R]) { total(sales, a) }

// total prints what an aggregator makes of values.
func total[V, A, R any](values []V, a sdk.Aggregator[V, A, R]) {
	job := sdk.Define("example", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(sdk.AggregateAll(sdk.Values(p, values...), a), func(rows []R) error {
			fmt.Printf("%+v\n", rows[0])
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
}

// Several results of each product, in one pass.
func Example() {
	job := sdk.Define("example", func(p *sdk.Pipeline, _ struct{}) error {
		byProduct := sdk.KeyBy(sdk.Values(p, sales...), func(s sale) string { return s.Product })
		stats := sdk.Aggregate(byProduct, agg.Triple(
			agg.Count[sale](),
			agg.On(euros, agg.Mean[float64]()),
			agg.On(buyer, agg.CollectSet[string](10)),
		))
		sdk.Collect(sdk.Sort(stats), func(rows []sdk.KV[string, agg.Three[int64, float64, agg.List[string]]]) error {
			for _, r := range rows {
				fmt.Println(r.Key, r.Value.First, r.Value.Second, r.Value.Third.Rows)
			}
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ink 3 10 [ann bob]
	// pen 2 2 [ann bob]
}

func ExampleCount() {
	overall(agg.Count[sale]())
	// Output: 5
}

func ExampleSum() {
	total([]int64{1, math.MaxInt64, -2}, agg.Sum[int64]())
	// Output: 9223372036854775806
}

func ExampleSumFloat() {
	total([]float64{1, 1e100, 1, -1e100}, agg.SumFloat[float64]())
	// Output: 2
}

func ExampleSumFloatFast() {
	overall(agg.On(euros, agg.SumFloatFast[float64]()))
	// Output: 34
}

func ExampleMean() {
	total([]int64{1, 2}, agg.Mean[int64]())
	// Output: 1.5
}

func ExampleVariance() {
	total([]float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, agg.Variance[float64]())
	// Output: 30
}

func ExampleStdDev() {
	total([]int{2, 4, 6}, agg.StdDev[int]())
	// Output: 2
}

func ExampleVarianceFast() {
	total([]int{2, 4, 6}, agg.VarianceFast[int]())
	// Output: 4
}

func ExampleMin() {
	overall(agg.On(buyer, agg.Min[string]()))
	// Output: {Value:ann OK:true}
}

func ExampleMax() {
	overall(agg.On(euros, agg.Max[float64]()))
	// Output: {Value:11 OK:true}
}

func ExampleFirst() {
	overall(agg.First(func(a, b sale) int { return len(a.Product) - len(b.Product) })) // all equal: the first by Sort
	// Output: {Value:{Product:ink Euros:9 Buyer:ann} OK:true}
}

func ExampleLast() {
	overall(agg.Last(func(a, b sale) int { return int(a.Euros) - int(b.Euros) }))
	// Output: {Value:{Product:ink Euros:11 Buyer:bob} OK:true}
}

func ExampleArgMin() {
	overall(agg.ArgMin(euros))
	// Output: {Value:{Product:pen Euros:1.5 Buyer:bob} OK:true}
}

func ExampleArgMax() {
	overall(agg.ArgMax(euros))
	// Output: {Value:{Product:ink Euros:11 Buyer:bob} OK:true}
}

func ExampleCollectList() {
	overall(agg.On(euros, agg.CollectList[float64](3)))
	// Output: {Rows:[1.5 2.5 9] More:true}
}

func ExampleCollectSet() {
	overall(agg.On(buyer, agg.CollectSet[string](3)))
	// Output: {Rows:[ann bob] More:false}
}

func ExampleCountDistinct() {
	overall(agg.On(buyer, agg.CountDistinct[string](1)))
	overall(agg.On(buyer, agg.CountDistinct[string](1000)))
	// Output:
	// task 1/0: partition 0 of AggregateAll: agg.CountDistinct: a key has more than 1 distinct values: raise the limit, or use CountDistinctApprox, whose state is small
	// 2
}

func ExampleCountDistinctApprox() {
	overall(agg.On(buyer, agg.CountDistinctApprox[string](14)))
	// Output: 2
}

func ExampleQuantiles() {
	overall(agg.On(euros, agg.Quantiles[float64](0.01, 0, 0.5, 1)))
	// Output: [1.5 9.062068965517241 11]
}

func ExampleHeavyHitters() {
	overall(agg.On(buyer, agg.HeavyHitters[string](10)))
	// Output: {Rows:[{Value:ann Count:3} {Value:bob Count:2}] Error:0 Total:5}
}

func ExampleHistogram() {
	overall(agg.On(euros, agg.Histogram[float64](2, 10)))
	// Output: [1 2 2]
}

func ExamplePair() {
	overall(agg.Pair(agg.On(euros, agg.Min[float64]()), agg.On(euros, agg.Max[float64]())))
	// Output: {First:{Value:1.5 OK:true} Second:{Value:11 OK:true}}
}

func ExampleTriple() {
	overall(agg.Triple(agg.Count[sale](), agg.ArgMin(euros), agg.On(euros, agg.SumFloat[float64]())))
	// Output: {First:5 Second:{Value:{Product:pen Euros:1.5 Buyer:bob} OK:true} Third:34}
}

func ExampleOn() {
	overall(agg.On(func(s sale) int64 { return int64(s.Euros * 100) }, agg.Sum[int64]()))
	// Output: 3400
}

func ExampleIf() {
	overall(agg.If(func(s sale) bool { return s.Buyer == "bob" }, agg.Count[sale]()))
	// Output: 2
}
