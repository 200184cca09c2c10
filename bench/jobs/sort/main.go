// Command sort puts rows of 100 bytes in the order of their first ten.
package main

import (
	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/fixed"
)

const keyBytes, rowBytes = 10, 100

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

func build(p *sdk.Pipeline, a args) error {
	rows := fixed.Read(p, a.Input, rowBytes)
	sorted := sdk.Sort(rows, sdk.By(func(row []byte) []byte { return row[:keyBytes] }))
	fixed.Write(sorted, a.Output, rowBytes)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("sort", build)) }
