// Command wordcount counts words as a user would write it: a row function
// that takes lines apart by the standard library.
package main

import (
	"strings"

	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

func build(p *sdk.Pipeline, a args) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for word := range strings.FieldsSeq(line) {
			emit(word)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("wordcount", build)) }
