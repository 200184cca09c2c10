package csv_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/csv"
)

// order is a row of orders.csv, as far as these programs care.
type order struct {
	Customer string  `csv:"customer"`
	Price    float64 `csv:"price"`
	Coupon   *string `csv:"coupon"`
}

const orders = `id,customer,price,coupon,remark
1,ada,12.50,,"fragile, please"
2,bob,3.00,SPRING,
3,ada,7.25,,"two
lines"
`

// inDir runs a job on orders.csv and prints the file that it wrote.
func inDir(content, name string, build func(p *sdk.Pipeline, dir string)) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "orders.csv"), []byte(content), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	job := sdk.Define("example", func(p *sdk.Pipeline, _ struct{}) error {
		build(p, dir)
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", text)
}

// Columns find their fields by name; those that the row type lacks are passed over.
func ExampleRead() {
	inDir(orders, "out/part-00000.csv", func(p *sdk.Pipeline, dir string) {
		all := csv.Read[order](p, filepath.Join(dir, "orders.csv"))
		plain := sdk.Filter(all, func(o order) bool { return o.Coupon == nil })
		csv.Write(plain, filepath.Join(dir, "out"))
	})
	// Output:
	// customer,price,coupon
	// ada,12.5,
	// ada,7.25,
}

// Options for a file of a spreadsheet.
func ExampleReadOptions() {
	const content = "ada ; 12.50 ; n/a\nbob ; 3.00 ; SPRING\n"
	inDir(content, "out/part-00000.csv", func(p *sdk.Pipeline, dir string) {
		all := csv.Read[order](p, filepath.Join(dir, "orders.csv"), csv.ReadOptions{
			Comma: ';', NoHeader: true, TrimSpace: true, NullValues: []string{"n/a"},
		})
		csv.Write(all, filepath.Join(dir, "out"), csv.WriteOptions{Comma: '|', NoHeader: true})
	})
	// Output:
	// ada|12.5|
	// bob|3|SPRING
}

// Texts are put in quotes only where they would be read as something else.
func ExampleWrite() {
	type remark struct{ Who, Text string }
	inDir("", "out/part-00000.csv", func(p *sdk.Pipeline, dir string) {
		csv.Write(sdk.Values(p, remark{"ada", `12" wide, "fragile"`}, remark{"bob", "none"}), filepath.Join(dir, "out"))
	})
	// Output:
	// Who,Text
	// ada,"12"" wide, ""fragile"""
	// bob,none
}
