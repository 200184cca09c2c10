// Command rowapi keeps some rows of a struct with six fields and computes
// another struct of them: by row functions (--by rows) or by code written for
// columns (--by columns). Both read the same batch again and again and end in
// the same sum, so that what differs is the middle.
package main

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Rows   int64  `flag:"rows" help:"rows to work through" required:"true"`
	By     string `flag:"by" help:"rows or columns" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

type order struct {
	ID       int64
	Customer string
	Country  string
	Quantity int32
	Cents    int64
	Express  bool
}

type sale struct {
	Country string
	Revenue int64
}

const leastQuantity = 4

func byRows(orders sdk.Dataset[order]) sdk.Dataset[sale] {
	large := sdk.Filter(orders, func(o order) bool { return o.Quantity >= leastQuantity })
	return sdk.Map(large, func(o order) sale { return sale{o.Country, int64(o.Quantity) * o.Cents} })
}

func build(p *sdk.Pipeline, a args) error {
	orders := sdk.Read[order](p, repeated{orderBatch(), a.Rows})
	var sales sdk.Dataset[sale]
	switch a.By {
	case "rows":
		sales = byRows(orders)
	case "columns":
		sales = sdk.MapBatches[sale](orders, byColumns)
	default:
		return fmt.Errorf("--by is %q: it must be rows or columns", a.By)
	}
	sums := sdk.MapBatches[sdk.KV[string, int64]](sales, func(_ *sdk.Context, in arrow.Record) (arrow.Record, error) {
		return sumRevenue(in), nil
	})
	text.Write(sdk.Reduce(sums, func(x, y int64) int64 { return x + y }), a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("rowapi", build)) }
