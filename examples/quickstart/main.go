// Command quickstart counts the words of text files: the job of the README.
//
//	go run ./examples/quickstart --input LICENSE --output build/counts
package main

import (
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type Args struct {
	Input  string `flag:"input" help:"files, directories or globs to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

func build(p *sdk.Pipeline, a Args) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for word := range sdk.Words(line) {
			emit(word)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return nil
}

var wordcount = sdk.Define("wordcount", build)

func main() { sdk.Main(wordcount) }
