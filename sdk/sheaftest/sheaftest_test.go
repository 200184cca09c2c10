package sheaftest_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

// probe is a test that watches what is done to it: Fatalf keeps the message and
// ends the goroutine, as that of *testing.T does.
type probe struct {
	testing.TB
	message string
}

func (p *probe) Fatalf(format string, args ...any) {
	p.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// fatal runs fn as a test and returns the message with which it ended, empty
// for one that went through.
func fatal(t *testing.T, fn func(t testing.TB)) string {
	p := &probe{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn(p)
	}()
	<-ended
	return p.message
}

type outArgs struct{ Out, Second string }

func TestRunReturnsTheRowsWritten(t *testing.T) {
	tests := []struct {
		name  string
		build func(p *sdk.Pipeline, a outArgs) error
		want  []string
	}{
		{"no row", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Values[string](p), a.Out)
			return nil
		}, nil},
		{"order of the output", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Sort(sdk.Values(p, "c", "a", "b")), a.Out)
			return nil
		}, []string{"a", "b", "c"}},
		{"empty rows and carriage returns", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Values(p, "", "a\r", ""), a.Out)
			return nil
		}, []string{"", "a\r", ""}},
		{"gzip", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Values(p, "a", "b"), a.Out, text.WriteOptions{Compression: "gzip"})
			return nil
		}, []string{"a", "b"}},
		{"zstd", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Values(p, "a", "b"), a.Out, text.WriteOptions{Compression: "zstd"})
			return nil
		}, []string{"a", "b"}},
		{"destinations in the order of the program", func(p *sdk.Pipeline, a outArgs) error {
			text.Write(sdk.Values(p, "first"), a.Second)
			text.Write(sdk.Values(p, "second"), a.Out)
			return nil
		}, []string{"first", "second"}},
		{"collected rows are the program's", func(p *sdk.Pipeline, a outArgs) error {
			sdk.Collect(sdk.Values(p, "a"), func([]string) error { return nil })
			return nil
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			got := sheaftest.Run(t, sdk.Define("job", test.build), outArgs{Out: filepath.Join(dir, "out"), Second: filepath.Join(dir, "second")})
			if !slices.Equal(got, test.want) {
				t.Errorf("Run(%s) = %q, want %q", test.name, got, test.want)
			}
		})
	}
}

// TestRunGivesManyFilesInOrder holds that the lines of a sorted output of
// several files come in order.
func TestRunGivesManyFilesInOrder(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in.txt")
	var content strings.Builder
	const rows = 400_000
	for i := range rows {
		fmt.Fprintf(&content, "%06d %s\n", (i*7919)%rows, strings.Repeat(string(rune('a'+i*31%26)), i%13))
	}
	if err := os.WriteFile(in, []byte(content.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	got := sheaftest.Run(t, sdk.Define("sort", func(p *sdk.Pipeline, a outArgs) error {
		text.Write(sdk.Sort(text.Read(p, in)), a.Out)
		return nil
	}), outArgs{Out: out})
	if len(got) != rows || !slices.IsSorted(got) {
		t.Errorf("Run gave %d lines, sorted: %v; want %d, sorted", len(got), slices.IsSorted(got), rows)
	}
	files, err := filepath.Glob(filepath.Join(out, "part-*.txt"))
	if err != nil || len(files) < 2 {
		t.Errorf("the output has files %v (%v), want several", files, err)
	}
}

func TestFailuresEndTheTest(t *testing.T) {
	complete := filepath.Join(t.TempDir(), "complete")
	sheaftest.Run(t, sdk.Define("complete", func(p *sdk.Pipeline, a outArgs) error {
		text.Write(sdk.Values(p, "a"), a.Out)
		return nil
	}), outArgs{Out: complete})
	if err := os.Remove(filepath.Join(complete, "part-00000.txt")); err != nil {
		t.Fatal(err)
	}
	fail := func(*sdk.Context, string) (string, error) { return "", errors.New("no good") }
	tests := []struct {
		name string
		test func(t testing.TB)
		want []string
	}{
		{"Run of a job that fails", func(t testing.TB) {
			sheaftest.Run(t, sdk.Define("broken", func(p *sdk.Pipeline, a outArgs) error {
				text.Write(sdk.MapErr(sdk.Values(p, "a", "b"), fail), a.Out)
				return nil
			}), outArgs{Out: filepath.Join(t.TempDir(), "out")})
		}, []string{"job broken", "no good", "value 0"}},
		{"Run of a job that panics", func(t testing.TB) {
			sheaftest.Run(t, sdk.Define("broken", func(p *sdk.Pipeline, a outArgs) error {
				text.Write(sdk.Map(sdk.Values(p, ""), func(s string) string { return s[:1] }), a.Out)
				return nil
			}), outArgs{Out: filepath.Join(t.TempDir(), "out")})
		}, []string{"job broken", "panic", "sheaftest_test.go:"}},
		{"Run of a job that cannot be built", func(t testing.TB) {
			sheaftest.Run(t, sdk.Define("broken", func(p *sdk.Pipeline, a outArgs) error { return errors.New("bad flag") }), outArgs{})
		}, []string{"job broken", "bad flag"}},
		{"Rows of a dataset that fails", func(t testing.TB) {
			sheaftest.Rows(t, func(p *sdk.Pipeline) sdk.Dataset[string] { return sdk.MapErr(sdk.Values(p, "a"), fail) })
		}, []string{"no good"}},
		{"Lines of no output", func(t testing.TB) { sheaftest.Lines(t, t.TempDir()) }, []string{"no complete output"}},
		{"Lines of an output that lost a file", func(t testing.TB) { sheaftest.Lines(t, complete) }, []string{"part-00000.txt"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := fatal(t, test.test)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the test ended with %q, want it to say %q", got, want)
				}
			}
		})
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	type pair = sdk.KV[string, int64]
	got := sheaftest.Rows(t, func(p *sdk.Pipeline) sdk.Dataset[pair] {
		return sdk.Count(sdk.Values(p, "b", "a", "b"))
	})
	slices.SortFunc(got, func(a, b pair) int { return cmp.Compare(a.Key, b.Key) })
	if want := []pair{{Key: "a", Value: 1}, {Key: "b", Value: 2}}; !slices.Equal(got, want) {
		t.Errorf("Rows(count) = %v, want %v", got, want)
	}
	none := sheaftest.Rows(t, func(p *sdk.Pipeline) sdk.Dataset[string] { return sdk.Values[string](p) })
	if len(none) != 0 {
		t.Errorf("Rows(no values) = %q, want none", none)
	}
}

// BenchmarkRun measures a tiny job from Define to its lines: what a user's test
// costs beside its own work.
func BenchmarkRun(b *testing.B) {
	in := filepath.Join(b.TempDir(), "in.txt")
	if err := os.WriteFile(in, []byte("to be or not to be\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	i := 0
	for b.Loop() {
		i++
		job := sdk.Define("count", func(p *sdk.Pipeline, a outArgs) error {
			words := sdk.FlatMap(text.Read(p, in), func(line string, emit sdk.Emit[string]) {
				for w := range sdk.Words(line) {
					emit(w)
				}
			})
			text.Write(sdk.Count(words), a.Out)
			return nil
		})
		sheaftest.Run(b, job, outArgs{Out: filepath.Join(dir, fmt.Sprint(i))})
	}
}
