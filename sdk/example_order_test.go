package sdk_test

import (
	"github.com/sheafdata/sheaf/sdk"
)

func cents(s sale) int64    { return s.Cents }
func product(s sale) string { return s.Product }

func sales(p *sdk.Pipeline) sdk.Dataset[sale] {
	return sdk.Values(p, sale{"pen", 150}, sale{"ink", 900}, sale{"nib", 150})
}

// Without a term rows are compared as a whole.
func ExampleSort() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.Sort(sdk.Values(p, 3, -1, 2))
	})
	// Output:
	// -1
	// 2
	// 3
}

// The first term that differs decides.
func ExampleBy() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sale] {
		return sdk.Sort(sales(p), sdk.By(cents), sdk.By(product))
	})
	// Output:
	// {nib 150}
	// {pen 150}
	// {ink 900}
}

func ExampleOrder_Descending() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sale] {
		return sdk.Sort(sales(p), sdk.By(cents).Descending(), sdk.By(product))
	})
	// Output:
	// {ink 900}
	// {nib 150}
	// {pen 150}
}

func ExampleTopK() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sale] {
		return sdk.TopK(sales(p), 2, sdk.By(cents).Descending())
	})
	// Output:
	// {ink 900}
	// {pen 150}
}

// The mean of all rows.
func ExampleAggregateAll() {
	type mean struct{ Sum, Rows int64 }
	show(func(p *sdk.Pipeline) sdk.Dataset[float64] {
		return sdk.AggregateAll(sdk.Map(sales(p), cents), sdk.Aggregator[int64, mean, float64]{
			Add:    func(m *mean, n int64) { m.Sum, m.Rows = m.Sum+n, m.Rows+1 },
			Merge:  func(m *mean, o mean) { m.Sum, m.Rows = m.Sum+o.Sum, m.Rows+o.Rows },
			Finish: func(m mean) float64 { return float64(m.Sum) / float64(m.Rows) },
		})
	})
	// Output: 400
}
