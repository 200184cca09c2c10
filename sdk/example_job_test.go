package sdk_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// greetArgs are the flags of the examples' job.
type greetArgs struct {
	Name   string `flag:"name" help:"whom to greet" default:"world"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

func ExampleDefine() {
	greet := sdk.Define("greet", func(p *sdk.Pipeline, a greetArgs) error {
		greetings := sdk.Map(sdk.Values(p, "hello", "welcome"), func(word string) string { return word + ", " + a.Name })
		text.Write(greetings, a.Output)
		return nil
	})
	fmt.Println(greet.Name())
	// Output: greet
}

func ExampleJob_Doc() {
	greet := sdk.Define("greet", func(p *sdk.Pipeline, a greetArgs) error { return nil }).Doc("Greet somebody.")
	fmt.Println(greet.Name()) // the line itself stands in greet --help
	// Output: greet
}

func ExampleJob_Name() {
	fmt.Println(sdk.Define("greet", func(*sdk.Pipeline, greetArgs) error { return nil }).Name())
	// Output: greet
}

// The whole of a job's program: greet --name you --output hello.
func ExampleMain() {
	sdk.Main(sdk.Define("greet", func(p *sdk.Pipeline, a greetArgs) error {
		text.Write(sdk.Values(p, "hello, "+a.Name), a.Output)
		return nil
	}))
}

func ExampleRun() {
	dir, err := os.MkdirTemp("", "greet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	greet := sdk.Define("greet", func(p *sdk.Pipeline, a greetArgs) error {
		text.Write(sdk.Values(p, "hello, "+a.Name), a.Output)
		return nil
	})

	a := greetArgs{Name: "reader", Output: filepath.Join(dir, "hello")}
	result, err := sdk.Run(context.Background(), greet, a, sdk.Options{MemoryBytes: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	content, err := os.ReadFile(filepath.Join(a.Output, "part-00000.txt"))
	fmt.Printf("%d row: %s%v\n", result.RowsOut, content, err)
	// Output:
	// 1 row: hello, reader
	// <nil>
}

func ExampleValues() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Values(p, "one", "two")
	})
	// Output:
	// one
	// two
}

func ExampleCollect() {
	job := sdk.Define("sum", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(sdk.Values(p, 1, 2, 3), func(rows []int) error {
			sum := 0
			for _, n := range rows {
				sum += n
			}
			fmt.Println(sum)
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
	// Output: 6
}

// Formats have functions of their own, such as text.Read; Read is what they
// call, and takes any source.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "lines.txt")
	if err := os.WriteFile(file, []byte("first\nsecond\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Read[string](p, text.Source(file))
	})
	// Output:
	// first
	// second
}

// plainLines is the least of formats: a line for a row.
type plainLines struct{}

func (plainLines) Name() string   { return "lines" }
func (plainLines) Suffix() string { return ".lines" }

func (plainLines) NewWriter(w io.Writer) (sdk.RowWriter[string], error) { return lineWriter{w}, nil }

type lineWriter struct{ w io.Writer }

func (l lineWriter) Write(rows []string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(l.w, row); err != nil {
			return err
		}
	}
	return nil
}

func (lineWriter) Close() error { return nil }

// Formats have functions of their own, such as text.Write; Write is what they
// call, and takes any format.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "write")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "out")
	job := sdk.Define("write", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Write(sdk.Values(p, "first", "second"), out, plainLines{})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
	content, err := os.ReadFile(filepath.Join(out, "part-00000.lines"))
	fmt.Printf("%s%v\n", content, err)
	// Output:
	// first
	// second
	// <nil>
}
