// Command grep finds the lines that match a regular expression and writes
// them with their file and line number, in that order.
//
//	go run ./examples/grep --pattern 'func Test\w+' --input 'src/**/*.go' --output matches
package main

import (
	"fmt"
	"regexp"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// Args are the job's flags.
type Args struct {
	Pattern string `flag:"pattern" help:"regular expression, in Go's syntax" required:"true"`
	Input   string `flag:"input" help:"files, directories or globs to read, by comma" required:"true"`
	Output  string `flag:"output" help:"directory to write matches to, a file:line:text a line" required:"true"`
}

func build(p *sdk.Pipeline, a Args) error {
	pattern, err := regexp.Compile(a.Pattern)
	if err != nil {
		return fmt.Errorf("--pattern: %w", err)
	}
	matches := sdk.Filter(text.Lines(p, a.Input), func(l text.Line) bool { return pattern.MatchString(l.Text) })
	ordered := sdk.Sort(matches,
		sdk.By(func(l text.Line) string { return l.File }),
		sdk.By(func(l text.Line) int64 { return l.Number }))
	text.WriteFunc(ordered, a.Output, func(dst []byte, l text.Line) []byte {
		return fmt.Appendf(dst, "%s:%d:%s", l.File, l.Number, l.Text)
	})
	return nil
}

var grep = sdk.Define("grep", build).Doc("Find the lines that match a regular expression.")

func main() { sdk.Main(grep) }
