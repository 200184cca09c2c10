// Command invertedindex writes, for every word, the sorted list of the files
// that it stands in.
//
//	go run ./examples/invertedindex --input 'books/*.txt' --output index
package main

import (
	"iter"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// Args are the job's flags.
type Args struct {
	Input  string `flag:"input" help:"files, directories or globs to read, by comma" required:"true"`
	Output string `flag:"output" help:"directory to write the index to, a word<TAB>file,file,... a line" required:"true"`
}

func build(p *sdk.Pipeline, a Args) error {
	// A word and a file come together many times; once is enough to move.
	places := sdk.Distinct(sdk.FlatMap(text.Lines(p, a.Input), func(l text.Line, emit sdk.Emit[sdk.KV[string, string]]) {
		for w := range sdk.Words(l.Text) {
			emit(sdk.KV[string, string]{Key: w, Value: l.File})
		}
	}))
	// Sorted pairs arrive at the reducer word by word, files in order.
	sorted := sdk.Sort(places)
	index := sdk.GroupByKey(sorted, func(word string, files iter.Seq[string], emit sdk.Emit[sdk.KV[string, string]]) {
		var list strings.Builder
		for f := range files {
			if list.Len() > 0 {
				list.WriteByte(',')
			}
			list.WriteString(f)
		}
		emit(sdk.KV[string, string]{Key: word, Value: list.String()})
	})
	text.Write(index, a.Output)
	return nil
}

var invertedindex = sdk.Define("invertedindex", build).Doc("List, for every word, the files that it stands in.")

func main() { sdk.Main(invertedindex) }
