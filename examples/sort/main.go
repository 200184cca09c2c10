// Command sort puts 100-byte rows with 10-byte keys in order, the task of the
// sort benchmarks. The concatenation of the output files in name order is
// sorted; rows with the same key keep the order of the input.
//
//	go run ./examples/sort --input rows.dat --output sorted
//	go run ./examples/sort/check --input rows.dat --output sorted
package main

import (
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/fixed"
)

// Args are the job's flags.
type Args struct {
	Input    string `flag:"input" help:"files, directories or globs to read, by comma" required:"true"`
	Output   string `flag:"output" help:"directory to write sorted rows to" required:"true"`
	RowBytes int    `flag:"row-bytes" help:"length of a row" default:"100"`
	KeyBytes int    `flag:"key-bytes" help:"length of the key at the beginning of a row" default:"10"`
}

func build(p *sdk.Pipeline, a Args) error {
	if a.RowBytes < 1 {
		return fmt.Errorf("--row-bytes is %d: it must be 1 or more", a.RowBytes)
	}
	if a.KeyBytes < 1 || a.KeyBytes > a.RowBytes {
		return fmt.Errorf("--key-bytes is %d: it must be from 1 to --row-bytes, which is %d", a.KeyBytes, a.RowBytes)
	}
	rows := fixed.Read(p, a.Input, a.RowBytes)
	sorted := sdk.Sort(rows, sdk.By(func(row []byte) []byte { return row[:a.KeyBytes] }))
	fixed.Write(sorted, a.Output, a.RowBytes)
	return nil
}

var sortRows = sdk.Define("sort", build).Doc("Put fixed-length rows in the order of their keys.")

func main() { sdk.Main(sortRows) }
