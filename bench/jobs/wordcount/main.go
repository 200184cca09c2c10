// Command wordcount counts words by a row function that takes lines apart: by
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

// The two differ in the loop and are not joined by a parameter: a call of an
// iterator that is not known when the loop is compiled would be measured too.

func byFields(line string, emit sdk.Emit[string]) {
	for word := range strings.FieldsSeq(line) {
		emit(word)
	}
}

func byWords(line string, emit sdk.Emit[string]) {
	for word := range sdk.Words(line) {
		emit(word)
	}
}

func build(p *sdk.Pipeline, a args) error {
	by := map[string]func(string, sdk.Emit[string]){"fields": byFields, "words": byWords}[a.By]
	if by == nil {
		return fmt.Errorf("--by is %q: it must be fields or words", a.By)
	}
	text.Write(sdk.Count(sdk.FlatMap(text.Read(p, a.Input), by)), a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("wordcount", build)) }
