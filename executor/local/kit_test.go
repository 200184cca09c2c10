package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

func TestMain(m *testing.M) {
	stopGrace = 200 * time.Millisecond
	goleak.VerifyTestMain(m)
}

// numbers is a source of the numbers below rows, in splits of splitRows.
type numbers struct {
	typ             *column.Type
	rows, splitRows int64
}

func (n numbers) Name() string          { return "numbers" }
func (n numbers) Schema() *arrow.Schema { return n.typ.Schema() }

func (n numbers) Enumerate(context.Context) ([]plan.Split, error) {
	var splits []plan.Split
	for at := int64(0); at < n.rows; at += n.splitRows {
		splits = append(splits, plan.Split{Offset: at, Length: min(n.splitRows, n.rows-at)})
	}
	return splits, nil
}

func (n numbers) Open(_ context.Context, s plan.Split, _ graph.ReadOptions) (graph.BatchReader, error) {
	return &numberReader{numbers: n, next: s.Offset, end: s.Offset + s.Length}, nil
}

type numberReader struct {
	numbers
	next, end int64
}

func (r *numberReader) Next() (arrow.Record, error) {
	if r.next == r.end {
		return nil, io.EOF
	}
	var rows []int64
	for len(rows) < 1000 && r.next < r.end {
		rows = append(rows, r.next)
		r.next++
	}
	b := column.NewBuilder(r.typ)
	if err := column.AppendRows(b, rows); err != nil {
		return nil, err
	}
	return b.Record(), nil
}

func (r *numberReader) BytesRead() int64     { return r.next }
func (r *numberReader) Where(row int) string { return fmt.Sprintf("row %d", row) }
func (r *numberReader) Close() error         { return nil }

// textFormat writes numbers as lines. gate, if set, is called before each file is closed.
type textFormat struct{ gate func() error }

func (textFormat) Name() string   { return "text" }
func (textFormat) Suffix() string { return ".txt" }

func (f textFormat) NewWriter(w io.Writer) (graph.RowWriter[int64], error) {
	return textWriter{w, f.gate}, nil
}

type textWriter struct {
	w    io.Writer
	gate func() error
}

func (w textWriter) Write(rows []int64) error {
	for _, r := range rows {
		if _, err := fmt.Fprintln(w.w, r); err != nil {
			return err
		}
	}
	return nil
}

func (w textWriter) Close() error {
	if w.gate != nil {
		return w.gate()
	}
	return nil
}

// work is a job in the making: numbers, mapped, sorted downwards and written.
type work struct {
	rows, splitRows int64
	fn              func(ctx *operator.Context, n int64) (int64, error)
	format          textFormat
	dest            []string
}

func (w work) compile(t testing.TB) *graph.Compiled {
	t.Helper()
	typ, err := column.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	key, err := column.KeyOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	edge := operator.EdgeOf[int64](typ)
	g := &graph.Graph{Name: "work"}
	at := graph.Position{File: "/src/job/main.go", Line: 1}
	in := g.Add(&graph.Node{Role: graph.Input, Op: "Read", At: at, Type: typ,
		Impl: &operator.Input{Source: numbers{typ, w.rows, w.splitRows}, Edge: edge}})
	if w.fn != nil {
		in = g.Add(&graph.Node{Role: graph.Fused, Op: "Map", At: at, Type: typ, Inputs: []*graph.Node{in}, Impl: operator.TryMap(edge, w.fn)})
	}
	order := operator.Order[int64]{operator.By(key, func(n int64) int64 { return n }).Descending()}
	in = g.Add(&graph.Node{Role: graph.Exchange, Op: "Sort", At: at, Type: typ, Inputs: []*graph.Node{in}, Kind: plan.Range,
		Impl: operator.Sort(typ, edge, order)})
	for _, dest := range w.dest {
		g.Add(&graph.Node{Role: graph.Output, Op: "Write", At: at, Inputs: []*graph.Node{in}, Destination: dest, Suffix: ".txt",
			Impl: operator.Write(graph.Format[int64](w.format))})
	}
	c, err := graph.Compile(g, "{}")
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return c
}

// home is the directories of a test: where it spills and where outputs lie.
type home struct{ tmp, out string }

func newHome(t testing.TB) home {
	t.Helper()
	h := home{filepath.Join(t.TempDir(), "tmp"), filepath.Join(t.TempDir(), "out")}
	if err := errors.Join(os.Mkdir(h.tmp, 0o755), os.Mkdir(h.out, 0o755)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h home) dest(name string) string { return filepath.Join(h.out, name) }

// options make a task of every split, however small.
func (h home) options() Options {
	return Options{
		Parallelism: 3, MemoryBytes: 64 << 20, Tmp: []string{h.tmp}, Codec: block.S2,
		Schedule: schedule.Config{SplitBytes: 1},
	}
}

// wantLeft checks that nothing is left but the named outputs.
func (h home) wantLeft(t testing.TB, outputs ...string) {
	t.Helper()
	if left := list(t, h.tmp); len(left) != 0 {
		t.Errorf("in the directory for temporary files there are %v, want nothing", left)
	}
	if left := list(t, h.out); fmt.Sprint(left) != fmt.Sprint(outputs) {
		t.Errorf("beside the output there are %v, want %v", left, outputs)
	}
}

func list(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
