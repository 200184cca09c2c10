package text_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// inDir runs a job that reads and writes in a directory of its own, and prints
// the file that it wrote.
func inDir(name string, build func(p *sdk.Pipeline, dir string)) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "hamlet.txt"), []byte("to be or\nnot to be\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	job := sdk.Define("example", func(p *sdk.Pipeline, _ struct{}) error {
		build(p, dir)
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
		return
	}
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", content)
}

func ExampleRead() {
	inDir("out/part-00000.txt", func(p *sdk.Pipeline, dir string) {
		lines := text.Read(p, filepath.Join(dir, "*.txt"))
		lengths := sdk.Map(lines, func(line string) int { return len(line) })
		text.Write(lengths, filepath.Join(dir, "out"))
	})
	// Output:
	// 8
	// 9
}

// A row with fields is a line with tabs between them.
func ExampleWrite() {
	type sale struct {
		Product string
		Cents   int64
		Note    *string
		Paid    bool
	}
	inDir("out/part-00000.txt", func(p *sdk.Pipeline, dir string) {
		text.Write(sdk.Values(p, sale{Product: "pen", Cents: 150, Paid: true}), filepath.Join(dir, "out"))
	})
	// Output: pen	150		true
}

// The files of compressed output end in .txt.gz or .txt.zst.
func ExampleWriteOptions() {
	inDir("again/part-00000.txt", func(p *sdk.Pipeline, dir string) {
		text.Write(text.Read(p, filepath.Join(dir, "hamlet.txt")), filepath.Join(dir, "again"), text.WriteOptions{Compression: "none"})
		text.Write(sdk.Values(p, "small"), filepath.Join(dir, "out"), text.WriteOptions{Compression: "zstd"})
	})
	// Output:
	// to be or
	// not to be
}

func ExampleWriteFunc() {
	inDir("out/part-00000.txt", func(p *sdk.Pipeline, dir string) {
		counts := sdk.Sort(sdk.Count(sdk.Values(p, "to", "be", "or", "not", "to", "be")))
		text.WriteFunc(counts, filepath.Join(dir, "out"), func(dst []byte, c sdk.KV[string, int64]) []byte {
			return fmt.Appendf(dst, "%d × %s", c.Value, c.Key)
		})
	})
	// Output:
	// 2 × be
	// 1 × not
	// 1 × or
	// 2 × to
}

func ExampleLines() {
	inDir("out/part-00000.txt", func(p *sdk.Pipeline, dir string) {
		places := sdk.Map(text.Lines(p, filepath.Join(dir, "hamlet.txt")), func(l text.Line) string {
			return fmt.Sprintf("%s:%d: %s", filepath.Base(l.File), l.Number, l.Text)
		})
		text.Write(places, filepath.Join(dir, "out"))
	})
	// Output:
	// hamlet.txt:1: to be or
	// hamlet.txt:2: not to be
}
