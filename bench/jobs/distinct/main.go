// Command distinct counts lines, as many of which differ as can be.
package main

import (
	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

func build(p *sdk.Pipeline, a args) error {
	text.Write(sdk.Count(text.Read(p, a.Input)), a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("distinct", build)) }
