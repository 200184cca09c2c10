package task

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testJob = plan.JobID{0xab, 0xcd, 1}

func typeOf[T any](t testing.TB) *column.Type {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		t.Fatalf("column.For: %v", err)
	}
	return typ
}

func jointsOf[T any](t testing.TB) *operator.Edge { return operator.EdgeOf[T](typeOf[T](t)) }

func keyOf[T any](t testing.TB) *column.KeyType {
	t.Helper()
	key, err := column.KeyOf(typeOf[T](t))
	if err != nil {
		t.Fatalf("column.KeyOf: %v", err)
	}
	return key
}

// lines is a source of strings: batches of batchRows rows.
type lines struct {
	typ       *column.Type
	rows      []string
	batchRows int
}

func (l lines) Name() string          { return "lines" }
func (l lines) Schema() *arrow.Schema { return l.typ.Schema() }

func (l lines) Enumerate(context.Context) ([]plan.Split, error) {
	return []plan.Split{{Length: int64(len(l.rows)), Cuttable: true}}, nil
}

func (l lines) Open(_ context.Context, s plan.Split, _ graph.ReadOptions) (graph.BatchReader, error) {
	return &lineReader{lines: l, next: int(s.Offset), end: int(s.Offset + s.Length)}, nil
}

type lineReader struct {
	lines
	first, next, end int
}

func (r *lineReader) Next() (arrow.Record, error) {
	if r.next == r.end {
		return nil, io.EOF
	}
	n := min(r.batchRows, r.end-r.next)
	b := column.NewBuilder(r.typ)
	if err := column.AppendRows(b, r.rows[r.next:r.next+n]); err != nil {
		return nil, err
	}
	r.first, r.next = r.next, r.next+n
	return b.Record(), nil
}

func (r *lineReader) BytesRead() int64     { return int64(r.next) }
func (r *lineReader) Where(row int) string { return fmt.Sprintf("line %d", r.first+row) }
func (r *lineReader) Close() error         { return nil }

// lineFormat writes strings as lines.
type lineFormat struct{}

func (lineFormat) Name() string   { return "lines" }
func (lineFormat) Suffix() string { return ".txt" }

func (lineFormat) NewWriter(w io.Writer) (graph.RowWriter[string], error) { return lineWriter{w}, nil }

type lineWriter struct{ w io.Writer }

func (w lineWriter) Write(rows []string) error {
	for _, r := range rows {
		if _, err := io.WriteString(w.w, r+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (lineWriter) Close() error { return nil }

// job builds graphs by hand, at positions that do not move.
type job struct {
	t testing.TB
	g *graph.Graph
}

func newJob(t testing.TB) *job { return &job{t, &graph.Graph{Name: "test"}} }

func (j *job) at() graph.Position {
	return graph.Position{File: "/src/job/main.go", Line: 10 + len(j.g.Nodes)}
}

func (j *job) read(batchRows int, rows ...string) *graph.Node {
	typ := typeOf[string](j.t)
	return j.g.Add(&graph.Node{
		Role: graph.Input, Op: "Read", At: j.at(), Type: typ,
		Impl: &operator.Input{Source: lines{typ, rows, batchRows}, Edge: jointsOf[string](j.t)},
	})
}

func (j *job) fused(in *graph.Node, op *operator.Fused) *graph.Node {
	return j.g.Add(&graph.Node{Role: graph.Fused, Op: "Map", At: j.at(), Type: typeOf[string](j.t), Inputs: []*graph.Node{in}, Impl: op})
}

func (j *job) mapped(in *graph.Node, fn func(string) string) *graph.Node {
	return j.fused(in, operator.Map(jointsOf[string](j.t), fn))
}

func (j *job) sorted(in *graph.Node) *graph.Node {
	order := operator.Order[string]{operator.By(keyOf[string](j.t), func(s string) string { return s })}
	return j.g.Add(&graph.Node{
		Role: graph.Exchange, Op: "Sort", At: j.at(), Type: typeOf[string](j.t), Inputs: []*graph.Node{in}, Kind: plan.Range,
		Impl: operator.Sort(typeOf[string](j.t), jointsOf[string](j.t), order),
	})
}

func (j *job) write(in *graph.Node, dest string) {
	j.g.Add(&graph.Node{
		Role: graph.Output, Op: "Write", At: j.at(), Inputs: []*graph.Node{in}, Destination: dest, Suffix: ".txt",
		Impl: operator.Write(graph.Format[string](lineFormat{})),
	})
}

func (j *job) collect(in *graph.Node) {
	j.g.Add(&graph.Node{
		Role: graph.Output, Op: "Collect", At: j.at(), Inputs: []*graph.Node{in},
		Impl: operator.Collect(typeOf[string](j.t), func([]string) error { return nil }),
	})
}

// runtime compiles the graph. When the test is over it checks that the attempts
// gave their memory back.
func (j *job) runtime(args string) *Runtime {
	j.t.Helper()
	c, err := graph.Compile(j.g, args)
	if err != nil {
		j.t.Fatalf("Compile: %v", err)
	}
	st, err := store.Open(store.Config{Dirs: []string{j.t.TempDir()}})
	if err != nil {
		j.t.Fatal(err)
	}
	r := &Runtime{
		Graph: c, Store: st, Source: st, Codec: block.S2, ChunkRows: 8,
		Memory: memory.NewBudget(64 << 20), MemoryBytes: 16 << 20,
	}
	j.t.Cleanup(func() {
		if used := r.Memory.Used(); used != 0 {
			j.t.Errorf("Memory.Used() = %d after all attempts, want 0: %v", used, r.Memory.Holders())
		}
		st.Close()
	})
	return r
}

// attempt is the first attempt of a task of a source stage, over all rows.
func attempt(stage plan.StageID, rows int) *plan.Assignment {
	return &plan.Assignment{
		Work:    plan.Run,
		Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: stage}, Number: 1},
		Splits:  []plan.Split{{Length: int64(rows)}},
	}
}

func (j *job) run(r *Runtime, a *plan.Assignment) (plan.Result, error) {
	return r.Run(j.t.Context(), a, new(shuffle.Count))
}
