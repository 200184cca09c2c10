// Command ways is a job for tests whose rows go every way that there is: over an
// exchange by hash and one by key range, through spill files, to two outputs. A
// line that says so waits for a file.
package main

import (
	"os"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" required:"true"`
	Counts string `flag:"counts" required:"true"`
	Sorted string `flag:"sorted" required:"true"`
	Gate   string `flag:"gate" required:"true"`
}

func build(p *sdk.Pipeline, a args) error {
	lines := sdk.Map(text.Read(p, a.Input), func(line string) string {
		if line != "wait" {
			return line
		}
		for {
			if _, err := os.Stat(a.Gate); err == nil {
				return line
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	words := sdk.FlatMap(lines, func(line string, emit sdk.Emit[string]) {
		for w := range sdk.Words(line) {
			emit(w)
		}
	})
	text.Write(sdk.Count(words), a.Counts)
	text.Write(sdk.Sort(lines, sdk.By(func(line string) string { return line })), a.Sorted)
	return nil
}

func main() { sdk.Main(sdk.Define("ways", build)) }
