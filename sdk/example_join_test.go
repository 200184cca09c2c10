package sdk_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

type (
	buyer  = sdk.KV[int, string] // name by number
	basket = sdk.KV[int, string] // product by buyer's number
)

func buyers(p *sdk.Pipeline) sdk.Dataset[buyer] {
	return sdk.Values(p, buyer{Key: 1, Value: "Ada"}, buyer{Key: 2, Value: "Bob"}, buyer{Key: 3, Value: "Cy"})
}

func baskets(p *sdk.Pipeline) sdk.Dataset[basket] {
	return sdk.Values(p, basket{Key: 1, Value: "pen"}, basket{Key: 3, Value: "ink"}, basket{Key: 9, Value: "nib"})
}

func orNone(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}

func ExampleJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Join(baskets(p), buyers(p), func(_ int, product, name string) string { return name + ": " + product })
	})
	// Output:
	// Ada: pen
	// Cy: ink
}

// The buyers are read by each task of the baskets, which keep their order.
func ExampleBroadcast() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		product := func(_ int, product, name string) string { return name + ": " + product }
		return sdk.Join(baskets(p), buyers(p), product, sdk.Broadcast())
	})
	// Output:
	// Ada: pen
	// Cy: ink
}

// Both sides are sorted, and so is what comes of them, by key.
func ExampleSortMerge() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		product := func(_ int, product, name string) string { return name + ": " + product }
		return sdk.Join(baskets(p), buyers(p), product, sdk.SortMerge())
	})
	// Output:
	// Ada: pen
	// Cy: ink
}

// A right side of a mebibyte and more is sorted, with the left one.
func ExampleBroadcastLimit() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		sdk.BroadcastLimit(p, 1<<20)
		return sdk.Join(baskets(p), buyers(p), func(_ int, product, name string) string { return name + ": " + product })
	})
	// Output:
	// Ada: pen
	// Cy: ink
}

func ExampleLeftJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.LeftJoin(baskets(p), buyers(p), func(_ int, product string, name *string) string { return orNone(name) + ": " + product })
	})
	// Output:
	// Ada: pen
	// Cy: ink
	// none: nib
}

func ExampleRightJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.RightJoin(baskets(p), buyers(p), func(_ int, product *string, name string) string { return name + ": " + orNone(product) })
	})
	// Output:
	// Ada: pen
	// Bob: none
	// Cy: ink
}

func ExampleFullJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.FullJoin(baskets(p), buyers(p), func(n int, product, name *string) string {
			return fmt.Sprintf("%d %s: %s", n, orNone(name), orNone(product))
		})
	})
	// Output:
	// 1 Ada: pen
	// 2 Bob: none
	// 3 Cy: ink
	// 9 none: nib
}

// Who bought something.
func ExampleSemiJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[buyer] { return sdk.SemiJoin(buyers(p), baskets(p)) })
	// Output:
	// {1 Ada}
	// {3 Cy}
}

// Who bought nothing.
func ExampleAntiJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[buyer] { return sdk.AntiJoin(buyers(p), baskets(p)) })
	// Output: {2 Bob}
}

func ExampleCrossJoin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		colours, sizes := sdk.Values(p, "blue", "red"), sdk.Values(p, "S", "L")
		return sdk.Sort(sdk.CrossJoin(colours, sizes, func(colour, size string) string { return colour + " " + size }))
	})
	// Output:
	// blue L
	// blue S
	// red L
	// red S
}

func ExampleCoGroup() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.CoGroup(buyers(p), baskets(p), func(n int, names, products iter.Seq[string], emit sdk.Emit[string]) {
			emit(fmt.Sprint(n, slices.Collect(names), slices.Collect(products)))
		})
	})
	// Output:
	// 1 [Ada] [pen]
	// 2 [Bob] []
	// 3 [Cy] [ink]
	// 9 [] [nib]
}

func ExampleCoGroup3() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		debts := sdk.Values(p, sdk.KV[int, float64]{Key: 2, Value: 7.5})
		return sdk.CoGroup3(buyers(p), baskets(p), debts, func(n int, names, products iter.Seq[string], debts iter.Seq[float64], emit sdk.Emit[string]) {
			emit(fmt.Sprint(n, slices.Collect(names), slices.Collect(products), slices.Collect(debts)))
		})
	})
	// Output:
	// 1 [Ada] [pen] []
	// 2 [Bob] [] [7.5]
	// 3 [Cy] [ink] []
	// 9 [] [nib] []
}

func ExampleCoGroupAll() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		years := []sdk.Dataset[basket]{baskets(p), sdk.Values(p, basket{Key: 1, Value: "nib"}), baskets(p)}
		return sdk.CoGroupAll(years, func(n int, groups []iter.Seq[string], emit sdk.Emit[string]) {
			var of []string
			for _, products := range groups {
				of = append(of, strings.Join(slices.Collect(products), ","))
			}
			emit(fmt.Sprintf("%d %q", n, of))
		})
	})
	// Output:
	// 1 ["pen" "nib" "pen"]
	// 3 ["ink" "" "ink"]
	// 9 ["nib" "" "nib"]
}

// The dearest sale of a product, and what the next one costs less.
func ExampleGroupSorted() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		all := sdk.Union(sales(p), sdk.Values(p, sale{"pen", 400}, sale{"ink", 950}))
		return sdk.GroupSorted(sdk.KeyBy(all, product), func(product string, sales iter.Seq[sale], emit sdk.Emit[string]) {
			var prices []int64
			for s := range sales {
				prices = append(prices, s.Cents)
			}
			emit(fmt.Sprint(product, prices))
		}, sdk.By(cents).Descending())
	})
	// Output:
	// ink[950 900]
	// nib[150]
	// pen[400 150]
}
