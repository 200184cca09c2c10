package sdk_test

import (
	"fmt"
	"iter"

	"github.com/sheafdata/sheaf/sdk"
)

// counted is a word with a number.
type counted = sdk.KV[string, int64]

func pairs(p *sdk.Pipeline) sdk.Dataset[counted] {
	return sdk.Values(p, counted{Key: "pen", Value: 150}, counted{Key: "ink", Value: 900}, counted{Key: "pen", Value: 250})
}

func ExampleReduce() {
	show(func(p *sdk.Pipeline) sdk.Dataset[counted] {
		return sdk.Reduce(pairs(p), func(a, b int64) int64 { return a + b })
	})
	// Unordered output:
	// {pen 400}
	// {ink 900}
}

// mean is the state of an average.
type mean struct{ Sum, Count int64 }

func ExampleAggregate() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, float64]] {
		return sdk.Aggregate(pairs(p), sdk.Aggregator[int64, mean, float64]{
			Add:    func(m *mean, cents int64) { m.Sum += cents; m.Count++ },
			Merge:  func(m *mean, other mean) { m.Sum += other.Sum; m.Count += other.Count },
			Finish: func(m mean) float64 { return float64(m.Sum) / float64(m.Count) },
		})
	})
	// Unordered output:
	// {pen 200}
	// {ink 900}
}

func ExampleCount() {
	show(func(p *sdk.Pipeline) sdk.Dataset[counted] {
		return sdk.Count(sdk.Values(p, "to", "be", "or", "not", "to", "be"))
	})
	// Unordered output:
	// {to 2}
	// {be 2}
	// {or 1}
	// {not 1}
}

func ExampleDistinct() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Distinct(sdk.Values(p, "to", "be", "or", "not", "to", "be"))
	})
	// Unordered output:
	// to
	// be
	// or
	// not
}

// The largest step between neighbouring values: a question that needs all
// values of a key, in order.
func ExampleGroupByKey() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.GroupByKey(pairs(p), func(product string, cents iter.Seq[int64], emit sdk.Emit[string]) {
			var last, step int64
			for c := range cents {
				if last > 0 {
					step = max(step, c-last)
				}
				last = c
			}
			emit(fmt.Sprintf("%s rose by %d at most", product, step))
		})
	})
	// Output:
	// ink rose by 0 at most
	// pen rose by 100 at most
}

func ExampleGroupByKeyErr() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.GroupByKeyErr(pairs(p), func(_ *sdk.Context, product string, cents iter.Seq[int64], emit sdk.Emit[string]) error {
			for c := range cents {
				if c > 500 {
					return fmt.Errorf("%s costs %d", product, c)
				}
				emit(product)
			}
			return nil
		})
	})
	// Output: task 1/0: partition 0 of GroupByKeyErr: ink costs 900
}

func ExampleMapReduce() {
	add := func(a, b int64) int64 { return a + b }
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.MapReduce(sdk.Values(p, "to be or", "not to be"),
			func(line string, emit func(string, int64)) {
				for word := range sdk.Words(line) {
					emit(word, 1)
				}
			},
			add, // folds counts before they move; nil would do, too
			func(word string, counts iter.Seq[int64], emit sdk.Emit[string]) {
				var sum int64
				for n := range counts {
					sum = add(sum, n)
				}
				emit(fmt.Sprintf("%s=%d", word, sum))
			})
	})
	// Output:
	// be=2
	// not=1
	// or=1
	// to=2
}
