package sheaftest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

// exampleT stands in for the *testing.T that go test gives to a test, since
// examples get none.
type exampleT struct {
	testing.TB
	dir string
}

func newExampleT() *exampleT {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	return &exampleT{dir: dir}
}

func (t *exampleT) Helper()                        {}
func (t *exampleT) Name() string                   { return "Example" }
func (t *exampleT) Context() context.Context       { return context.Background() }
func (t *exampleT) TempDir() string                { return t.dir }
func (t *exampleT) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (t *exampleT) end()                           { os.RemoveAll(t.dir) }

// A job is tested from its arguments to the lines that it writes.
func ExampleRun() {
	t := newExampleT() // func TestUpper(t *testing.T)
	defer t.end()
	type args struct{ Out string }
	upper := sdk.Define("upper", func(p *sdk.Pipeline, a args) error {
		text.Write(sdk.Map(sdk.Values(p, "to be", "or not"), strings.ToUpper), a.Out)
		return nil
	})

	lines := sheaftest.Run(t, upper, args{Out: filepath.Join(t.TempDir(), "out")})
	fmt.Printf("%q\n", lines)
	// Output: ["TO BE" "OR NOT"]
}

// A step of a pipeline is tested with rows from sdk.Values.
func ExampleRows() {
	t := newExampleT() // func TestShorten(t *testing.T)
	defer t.end()
	shorten := func(in sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.Map(in, func(s string) string { return s[:min(len(s), 3)] })
	}

	rows := sheaftest.Rows(t, func(p *sdk.Pipeline) sdk.Dataset[string] {
		return shorten(sdk.Values(p, "sheaf", "of", "arrows"))
	})
	fmt.Printf("%q\n", rows)
	// Output: ["she" "of" "arr"]
}

// Lines reads what a job has published before.
func ExampleLines() {
	t := newExampleT() // func TestHello(t *testing.T)
	defer t.end()
	out := filepath.Join(t.TempDir(), "out")
	hello := sdk.Define("hello", func(p *sdk.Pipeline, _ struct{}) error {
		text.Write(sdk.Values(p, "hello"), out, text.WriteOptions{Compression: "gzip"})
		return nil
	})
	if _, err := sdk.Run(t.Context(), hello, struct{}{}); err != nil {
		t.Fatalf("%v", err)
	}

	fmt.Printf("%q\n", sheaftest.Lines(t, out))
	// Output: ["hello"]
}
