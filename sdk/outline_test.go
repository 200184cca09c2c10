package sdk

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// listedFiles is a source of lines that can be listed and not read.
type listedFiles struct {
	t      testing.TB
	splits []Split
	err    error
}

func (listedFiles) Name() string { return "files" }
func (listedFiles) Schema() *arrow.Schema {
	return valuesSource[string]{typ: rowType[string](nil, caller())}.Schema()
}

func (f listedFiles) Enumerate(context.Context) ([]Split, error) { return f.splits, f.err }

func (f listedFiles) Open(context.Context, Split, ReadOptions) (BatchReader, error) {
	f.t.Error("a source was opened, want it listed alone")
	return nil, fault.New(fault.Invalid, "not to be read")
}

// linesFormat is a format of which nothing is written.
type linesFormat struct{ Format[string] }

func (linesFormat) Name() string   { return "lines" }
func (linesFormat) Suffix() string { return ".lines" }

// outlined gives the outline of what build makes.
func outlined(t *testing.T, slots int, build func(p *Pipeline) error) *outline.Outline {
	t.Helper()
	job := Define("outlined", func(p *Pipeline, _ struct{}) error { return build(p) })
	c, err := job.compile(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	return outlineOf(t.Context(), c.Compiled, args.Engine{Parallelism: slots})
}

func file(path string, size int64, cuttable bool) Split {
	return Split{Path: path, Length: size, Size: size, Cuttable: cuttable}
}

// TestOutlineShows holds the picture of a job with most kinds of operators.
func TestOutlineShows(t *testing.T) {
	files := listedFiles{t: t, splits: []Split{file("logs/a", 3<<30, true), file("logs/b.gz", 90<<20, false), file("logs/c", 7, true)}}
	o := outlined(t, 8, func(p *Pipeline) error {
		lines := Deterministic(Map(Read[string](p, files), strings.ToLower))
		words := FlatMap(lines, func(line string, emit Emit[string]) {})
		counts := Count(Union(words, Values(p, "a", "b")))
		Collect(TopK(counts, 10, By(func(c KV[string, int64]) int64 { return c.Value }).Descending(), By(func(c KV[string, int64]) string { return c.Key })),
			func([]KV[string, int64]) error { return nil })
		groups := MapReduce(lines, func(line string, emit func(string, int)) {}, func(a, b int) int { return a + b }, func(key string, values iter.Seq[int], emit Emit[string]) {})
		Write(groups, "absent/out", linesFormat{})
		return nil
	})
	for _, f := range []outline.Form{outline.Text, outline.JSON} {
		text, err := o.Show(f)
		if err != nil {
			t.Fatal(err)
		}
		if f == outline.JSON {
			if _, err := outline.Read([]byte(text)); err != nil {
				t.Errorf("what is shown cannot be read: %v", err)
			}
			text = strings.ReplaceAll(text, `},{`, "},\n{")
		}
		golden.Check(t, filepath.Join("testdata", "outline."+string(f)), text)
	}
}

// TestOutlineCountsTasks compares with what runs.
func TestOutlineCountsTasks(t *testing.T) {
	for _, size := range []int{1, 5000, 70_000} {
		rows := make([]int, size)
		build := func(p *Pipeline, _ struct{}) error {
			Collect(Count(Values(p, rows...)), func([]KV[int, int64]) error { return nil })
			return nil
		}
		job := Define("counted", build)
		o := outlined(t, 3, func(p *Pipeline) error { return build(p, struct{}{}) })
		res, err := Run(t.Context(), job, struct{}{}, Options{Parallelism: 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := *o.Stages[0].Tasks; got+1 != res.Tasks { // one key makes one partition
			t.Errorf("the outline of %d rows has %d tasks, and the run had %d with the one that counts", size, got, res.Tasks)
		}
	}
}

// TestWarnings holds what a plan is warned of, and that its neighbours are not.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	exists := filepath.Join(dir, "exists")
	if err := os.Mkdir(exists, 0o777); err != nil {
		t.Fatal(err)
	}
	many := make([]Split, 1000)
	for i := range many {
		many[i] = file(fmt.Sprint("f", i), 65535, true)
	}
	keyed := func(p *Pipeline) Dataset[KV[string, int]] {
		return Map(Values(p, "a"), func(s string) KV[string, int] { return KV[string, int]{Key: s, Value: 1} })
	}
	finish := func(d Dataset[string]) { Collect(d, func([]string) error { return nil }) }
	read := func(splits ...Split) func(p *Pipeline) {
		return func(p *Pipeline) { finish(Read[string](p, listedFiles{t: t, splits: splits})) }
	}
	reduce := func(combiner func(a, b int) int) func(p *Pipeline) {
		return func(p *Pipeline) {
			finish(MapReduce(Values(p, "a"), func(s string, emit func(string, int)) {}, combiner, func(string, iter.Seq[int], Emit[string]) {}))
		}
	}
	tests := []struct {
		name  string
		build func(p *Pipeline)
		want  []string // kinds
		text  string   // in the first
	}{
		{"large gzip", read(file("a.gz", 65<<20, false), file("b.gz", 1<<30, false)), []string{"one-task"}, "b.gz, 1 GiB (the largest of 2 such files): a compressed file"},
		{"small gzip", read(file("a.gz", 64<<20, false)), nil, ""},
		{"large plain file", read(file("a", 1<<30, true)), nil, ""},
		{"large file of a format that is not cut", read(file("a.db", 65<<20, false)), []string{"one-task"}, "files of its format"},
		{"many small files", read(many...), []string{"small-files"}, "1000 files of 64 KiB on average"},
		{"fewer small files", read(many[1:]...), nil, ""},
		{"many larger files", read(append(slices.Clone(many), file("large", 10000, true), file("larger", 1<<20, true))...), nil, ""},
		{"input that cannot be listed", func(p *Pipeline) { finish(Read[string](p, listedFiles{t: t, err: os.ErrNotExist})) }, []string{"input"}, "cannot be listed here: file does not exist"},
		{"dataset that nothing uses", func(p *Pipeline) {
			in := Values(p, "a")
			Count(Filter(in, func(string) bool { return true }))
			finish(in)
		}, []string{"unused"}, "nothing takes its rows"},
		{"no combiner", reduce(nil), []string{"no-combiner"}, "every pair of the mapper moves"},
		{"combiner", reduce(func(a, b int) int { return a }), nil, ""},
		{"group", func(p *Pipeline) { finish(GroupByKey(keyed(p), func(string, iter.Seq[int], Emit[string]) {})) }, nil, ""},
		{"large top", func(p *Pipeline) { finish(TopK(Values(p, "a"), 100_000)) }, []string{"large-top"}, "holds 100000 of them"},
		{"small top", func(p *Pipeline) { finish(TopK(Values(p, "a"), 99_999)) }, nil, ""},
		{"counts of distinct rows", func(p *Pipeline) {
			finish(Map(Count(Distinct(Values(p, "a"))), func(c KV[string, int64]) string { return c.Key }))
		}, []string{"no-use"}, "every count is 1"},
		{"distinct twice", func(p *Pipeline) { finish(Distinct(Distinct(Values(p, "a")))) }, []string{"no-use"}, "distinct already"},
		{"order that is forgotten", func(p *Pipeline) { finish(Distinct(Sort(Values(p, "a")))) }, []string{"lost-order"}, "forgets that of Sort at outline_test.go:"},
		{"order that is kept", func(p *Pipeline) { finish(TopK(Sort(Values(p, "a")), 3)) }, nil, ""},
		{"output that exists", func(p *Pipeline) { Write(Values(p, "a"), exists, linesFormat{}) }, []string{"output"}, "exists: choose another"},
		{"output that does not", func(p *Pipeline) { Write(Values(p, "a"), filepath.Join(dir, "absent"), linesFormat{}) }, nil, ""},
	}
	page, err := os.ReadFile("../docs/plans.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := outlined(t, 4, func(p *Pipeline) error { test.build(p); return nil })
			var kinds []string
			for _, w := range o.Warnings {
				kinds = append(kinds, w.Kind)
				if !strings.HasPrefix(w.At, "outline_test.go:") || w.Verb == "" || w.Message == "" || w.Advice == "" {
					t.Errorf("warning %+v, want its place and what to do", w)
				}
				if !strings.Contains(string(page), "| `"+w.Kind+"` |") {
					t.Errorf("docs/plans.md has no line for warnings of the kind %s", w.Kind)
				}
			}
			if !slices.Equal(kinds, test.want) || len(kinds) > 0 && !strings.Contains(o.Warnings[0].Message, test.text) {
				t.Errorf("warnings %+v, want of %q, %q in the first", o.Warnings, test.want, test.text)
			}
		})
	}
}

// TestOutlineOfDriver holds that a driver is not asked to drive.
func TestOutlineOfDriver(t *testing.T) {
	step := Define("step", func(*Pipeline, struct{}) error { return nil })
	d := Drive("drives", func(*Session, struct{}) error { t.Error("the driver drives, want its plan alone"); return nil }, step)
	c, err := d.compile(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := outlineOf(t.Context(), c.Compiled, args.Engine{Parallelism: 2}).Show(outline.Text)
	if want := "drives of step: runs jobs, whose plans are made as it goes"; err != nil || !strings.Contains(text, want) {
		t.Errorf("outline %s (%v), want %q", text, err, want)
	}
}
