// Command tiny runs a word count of one line again and again inside this
// process and prints the milliseconds of the first run and the median of all.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

const runs = 51

type args struct {
	Input  string `flag:"input" help:"file to read"`
	Output string `flag:"output" help:"directory to write"`
}

var job = sdk.Define("tiny", func(p *sdk.Pipeline, a args) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for word := range sdk.Words(line) {
			emit(word)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return nil
})

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tiny:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "tiny")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	input := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(input, []byte("to be or not to be\n"), 0o600); err != nil {
		return err
	}
	var times []float64
	for n := range runs {
		begin := time.Now()
		if _, err := sdk.Run(context.Background(), job, args{input, filepath.Join(dir, fmt.Sprint("out", n))}); err != nil {
			return err
		}
		times = append(times, time.Since(begin).Seconds()*1e3)
	}
	first := times[0]
	slices.Sort(times)
	fmt.Println(first, times[len(times)/2])
	return nil
}
