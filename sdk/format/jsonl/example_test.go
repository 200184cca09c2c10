package jsonl_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/jsonl"
)

// Sale is a row. What a line does not say, or says to be null, stays nil.
type Sale struct {
	Product string  `json:"product"`
	Price   float64 `json:"price"`
	Coupon  *string `json:"coupon,omitempty"`
	Buyer   struct {
		Name string `json:"name"`
		City string `json:"city"`
	} `json:"buyer"`
}

const sales = `{"product":"pen","price":1.5,"buyer":{"name":"Ann","city":"Rome"}}
{"product":"ink","price":12,"coupon":"SPRING","buyer":{"name":"Bob","city":"Oslo"},"source":"web"}
`

// inDir runs a job that reads and writes in a directory of its own, and prints
// the file that it wrote.
func inDir(build func(p *sdk.Pipeline, dir string)) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "sales.jsonl"), []byte(sales), 0o600); err != nil {
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
	content, err := os.ReadFile(filepath.Join(dir, "out", "part-00000.jsonl"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", content)
}

func ExampleRead() {
	inDir(func(p *sdk.Pipeline, dir string) {
		sales := jsonl.Read[Sale](p, filepath.Join(dir, "*.jsonl"))
		cities := sdk.Map(sales, func(s Sale) sdk.KV[string, float64] {
			return sdk.KV[string, float64]{Key: s.Buyer.City, Value: s.Price}
		})
		jsonl.Write(cities, filepath.Join(dir, "out"))
	})
	// Output:
	// {"Key":"Rome","Value":1.5}
	// {"Key":"Oslo","Value":12}
}

// A row type has the members of interest; others are passed over, unless
// ReadOptions say that they are errors.
func ExampleWrite() {
	inDir(func(p *sdk.Pipeline, dir string) {
		sales := jsonl.Read[Sale](p, filepath.Join(dir, "*.jsonl"))
		dear := sdk.Filter(sales, func(s Sale) bool { return s.Price > 10 })
		jsonl.Write(dear, filepath.Join(dir, "out"))
	})
	// Output:
	// {"product":"ink","price":12,"coupon":"SPRING","buyer":{"name":"Bob","city":"Oslo"}}
}
