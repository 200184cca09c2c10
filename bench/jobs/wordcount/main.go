// Command wordcount counts words: by a row function that takes lines apart with
// the standard library, as a user may write it at first (--by fields), or by
// the SDK's tokeniser (--by words).
package main

import (
	"fmt"
	"strings"

	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
	By     string `flag:"by" help:"fields or words" required:"true"`
}

func byFields(line string, emit sdk.Emit[string]) {
	for word := range strings.FieldsSeq(line) {
		emit(word)
	}
}

func build(p *sdk.Pipeline, a args) error {
	lines := text.Read(p, a.Input)
	var words sdk.Dataset[string]
	switch a.By {
	case "fields":
		words = sdk.FlatMap(lines, byFields)
	case "words":
		words = sdk.SplitWords(lines)
	default:
		return fmt.Errorf("--by is %q: it must be fields or words", a.By)
	}
	text.Write(sdk.Count(words), a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("wordcount", build)) }
