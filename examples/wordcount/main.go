// Command wordcount counts the words of text files and prints the most
// frequent ones.
//
//	go run ./examples/wordcount --input 'books/*.txt' --output counts
package main

import (
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// Args are the job's flags.
type Args struct {
	Input  string `flag:"input" help:"files, directories or globs to read, by comma" required:"true"`
	Output string `flag:"output" help:"directory to write counts to, a word<TAB>count a line" required:"true"`
	Top    int    `flag:"top" help:"how many of the most frequent words to print" default:"10"`
}

func build(p *sdk.Pipeline, a Args) error {
	if a.Top < 0 {
		return fmt.Errorf("--top is %d: it must be 0 or more", a.Top)
	}
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for w := range sdk.Words(line) {
			emit(w)
		}
	})
	counts := sdk.Count(words)
	text.Write(counts, a.Output)
	if a.Top > 0 {
		sdk.Collect(sdk.TopK(counts, a.Top, byCount, byWord), printTop)
	}
	return nil
}

type count = sdk.KV[string, int64]

var (
	byCount = sdk.By(func(c count) int64 { return c.Value }).Descending()
	byWord  = sdk.By(func(c count) string { return c.Key })
)

func printTop(top []count) error {
	for _, c := range top {
		if _, err := fmt.Printf("%10d  %s\n", c.Value, c.Key); err != nil {
			return err
		}
	}
	return nil
}

var wordcount = sdk.Define("wordcount", build).Doc("Count the words of text files.")

func main() { sdk.Main(wordcount) }
