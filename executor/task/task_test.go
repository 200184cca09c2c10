package task

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

func manyRows(n int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("row %05d", i)
	}
	return rows
}

// TestLocation checks that the row which user code does not survive is named by
// its place in the input, wherever in the batch and chunk it stands.
func TestLocation(t *testing.T) {
	mine := errors.New("refused")
	tests := []struct {
		name string
		op   func(t *testing.T, bad string) *operator.Fused
		is   error
	}{
		{"panic", func(t *testing.T, bad string) *operator.Fused {
			return operator.Map(jointsOf[string](t), func(s string) string {
				if s == bad {
					panic("a bad row")
				}
				return s
			})
		}, nil},
		{"error", func(t *testing.T, bad string) *operator.Fused {
			return operator.TryMap(jointsOf[string](t), func(_ *operator.Context, s string) (string, error) {
				if s == bad {
					return "", mine
				}
				return s, nil
			})
		}, mine},
		{"batch function", func(t *testing.T, bad string) *operator.Fused {
			return operator.MapBatches(jointsOf[string](t), typeOf[string](t), func(_ *operator.Context, rec arrow.Record) (arrow.Record, error) {
				if strings.Contains(fmt.Sprint(rec), bad) {
					return nil, mine
				}
				return rec, nil
			})
		}, mine},
	}
	for _, c := range tests {
		for _, row := range []int{0, 7, 8, 29, 30, 31, 99} {
			t.Run(fmt.Sprintf("%s at row %d", c.name, row), func(t *testing.T) {
				rows := manyRows(100)
				j := newJob(t)
				j.collect(j.sorted(j.fused(j.mapped(j.read(30, rows...), strings.ToLower), c.op(t, rows[row]))))
				r := j.runtime("")
				_, err := j.run(r, attempt(0, len(rows)))
				if fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), fmt.Sprintf("the row is at line %d", row)) {
					t.Errorf("Run = %v of kind %v, want kind User at line %d", err, fault.KindOf(err), row)
				}
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("Run = %v, want %v in it", err, c.is)
				}
				wantEmpty(t, r)
			})
		}
	}
}

func wantEmpty(t testing.TB, r *Runtime) {
	t.Helper()
	if inMemory, onDisk := r.Store.Usage(); inMemory != 0 || onDisk != 0 {
		t.Errorf("a failed attempt left %d bytes in memory and %d on disk", inMemory, onDisk)
	}
}

// TestLocationUnknown reports a failure that does not come again in a
// rehearsal, by where the rows at work begin.
func TestLocationUnknown(t *testing.T) {
	rows := manyRows(100)
	j := newJob(t)
	calls := 0
	j.collect(j.mapped(j.read(30, rows...), func(s string) string {
		if calls++; calls == 45 {
			panic("by the calendar")
		}
		return s
	}))
	_, err := j.run(j.runtime(""), attempt(0, len(rows)))
	if want := "the rows it worked on begin at line 30"; fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), want) {
		t.Errorf("Run = %v, want %q", err, want)
	}
}

// TestLocationCanceled ends the search for the row when the job is over.
func TestLocationCanceled(t *testing.T) {
	rows := manyRows(30)
	j := newJob(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	j.collect(j.mapped(j.read(30, rows...), func(s string) string {
		if calls++; calls == 20 {
			cancel()
			panic("once")
		}
		return s
	}))
	if _, err := j.runtime("").Run(ctx, attempt(0, len(rows)), new(shuffle.Count)); err == nil || calls > 21 {
		t.Errorf("Run = %v after %d calls, want an error and no search", err, calls)
	}
}

// TestGoexit checks that an attempt whose goroutine user code ends frees all
// that it held.
func TestGoexit(t *testing.T) {
	rows := manyRows(2000)
	j := newJob(t)
	j.collect(j.sorted(j.mapped(j.read(100, rows...), func(s string) string {
		if s == rows[1500] {
			runtime.Goexit()
		}
		return s
	})))
	r := j.runtime("")
	r.MemoryBytes = 4 << 10 // so that the writer spills before
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.run(r, attempt(0, len(rows)))
	}()
	<-done
	wantEmpty(t, r)
}

// TestLaterExchangeFails checks that what one exchange has published goes when
// another of the same attempt fails.
func TestLaterExchangeFails(t *testing.T) {
	rows := manyRows(500)
	j := newJob(t)
	in := j.read(100, rows...)
	j.collect(j.sorted(in))
	j.g.Add(&graph.Node{Role: graph.Output, Op: "Broken", At: j.at(), Inputs: []*graph.Node{in}, Impl: &operator.Output{
		Write: func(*operator.Task, plan.Sink) any { return brokenSink{} },
	}})
	r := j.runtime("")
	if _, err := j.run(r, attempt(0, len(rows))); !errors.Is(err, errClose) {
		t.Errorf("Run = %v, want %v", err, errClose)
	}
	wantEmpty(t, r)
}

var errClose = errors.New("close fails")

type brokenSink struct{}

func (brokenSink) Push([]string) error { return nil }
func (brokenSink) Close() error        { return errClose }

// TestUnionOfOne feeds a dataset twice into one union: each row comes twice.
func TestUnionOfOne(t *testing.T) {
	j := newJob(t)
	in := j.read(3, manyRows(10)...)
	left := j.mapped(in, strings.ToUpper)
	union := j.g.Add(&graph.Node{
		Role: graph.Fused, Op: "Union", At: j.at(), Type: typeOf[string](t), Inputs: []*graph.Node{in, in, left},
		Impl: operator.Union(jointsOf[string](t)),
	})
	j.collect(union)
	res, err := j.run(j.runtime(""), attempt(0, 10))
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	got := map[string]int{}
	for _, rows := range res.Rows {
		if err := shuffle.DecodeRowBlocks(typeOf[string](t), rows.Blocks, func(rows []string) error {
			for _, r := range rows {
				got[r]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range manyRows(10) {
		if got[row] != 2 || got[strings.ToUpper(row)] != 1 {
			t.Errorf("%q came %d times and in capitals %d times, want 2 and 1", row, got[row], got[strings.ToUpper(row)])
		}
	}
}

// TestFigures checks what an attempt reports about itself.
func TestFigures(t *testing.T) {
	rows := manyRows(100)
	j := newJob(t)
	j.collect(j.sorted(j.fused(j.read(30, rows...), operator.Filter(jointsOf[string](t), func(s string) bool { return s < rows[40] }))))
	r := j.runtime("")
	res, err := j.run(r, attempt(0, len(rows)))
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	want := plan.Figures{RowsIn: 100, BytesIn: 100, RowsOut: 40, SourceRows: 100, SourceBytes: 100, ShuffleBytes: res.Outputs[0].Bytes}
	if !reflect.DeepEqual(res.Figures, want) {
		t.Errorf("Figures = %+v, want %+v", res.Figures, want)
	}
	reduce := &plan.Assignment{
		Work: plan.Run, Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: 1}, Number: 1},
		Partition: &plan.Partition{Outputs: res.Outputs},
	}
	res, err = j.run(r, reduce)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if f := res.Figures; f.RowsIn != 40 || f.RowsOut != 40 || f.SourceRows != 0 || f.BytesIn == 0 {
		t.Errorf("Figures of the reduce side = %+v, want 40 rows in and out and none from a source", f)
	}
	reduce.Attempt.Number, reduce.Partition.Outputs[0].ID.Attempt.Number = 2, 9
	_, err = j.run(r, reduce)
	if ids := shuffle.Unreadable(err); fault.KindOf(err) != fault.Fetch || len(ids) != 1 || ids[0].Attempt.Number != 9 {
		t.Errorf("Run over a missing output = %v of kind %v, naming %v, want kind Fetch", err, fault.KindOf(err), ids)
	}
	if want := "partition 0 of Sort"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Run = %v, want %q in it", err, want)
	}
}

func TestBadAssignments(t *testing.T) {
	j := newJob(t)
	j.collect(j.sorted(j.read(3, "a")))
	r := j.runtime("")
	tests := map[string]*plan.Assignment{
		"unknown work":    {Work: "dance"},
		"unknown stage":   attempt(7, 1),
		"negative stage":  attempt(-3, 1),
		"no partition":    attempt(1, 1),
		"no such source":  {Work: plan.Enumerate, Attempt: plan.AttemptID{Task: plan.TaskID{Stage: plan.EnumerateStage, Index: 1}}},
		"no stage at all": {Work: plan.Enumerate, Attempt: plan.AttemptID{Task: plan.TaskID{Stage: plan.EnumerateStage, Index: 8}}},
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := j.run(r, a); fault.KindOf(err) != fault.Internal {
				t.Errorf("Run = %v of kind %v, want kind Internal", err, fault.KindOf(err))
			}
		})
	}
}

// TestCounters checks that an attempt reports what it counted, and that rows that
// are pushed again to find the one at fault are counted by nobody.
func TestCounters(t *testing.T) {
	rows := manyRows(100)
	j := newJob(t)
	j.g.Counter(j.at(), "other")
	c := operator.NewCounter(j.g.Counter(j.at(), "seen"))
	if again := operator.NewCounter(j.g.Counter(j.at(), "seen")); again != c {
		t.Errorf("the second counter of a name is %v, want %v", again, c)
	}
	bad := ""
	var seen *operator.Context
	j.collect(j.fused(j.read(30, rows...), operator.TryMap(jointsOf[string](t), func(ctx *operator.Context, s string) (string, error) {
		c.Add(ctx, 2)
		if seen == nil {
			seen = ctx
		}
		if s == bad {
			return "", errors.New("no good")
		}
		return s, nil
	})))
	r := j.runtime("")
	res, err := j.run(r, attempt(0, len(rows)))
	if want := []int64{0, 200}; err != nil || !slices.Equal(res.Figures.Counters, want) {
		t.Errorf("Run counted %v, %v, want %v", res.Figures.Counters, err, want)
	}
	bad, seen = rows[47], nil
	if res, err = j.run(r, attempt(0, len(rows))); err == nil || !strings.Contains(err.Error(), "line 47") || res.Figures.Counters != nil {
		t.Errorf("Run = %v, %v, want no counters and an error at line 47", res.Figures, err)
	}
	if want := []int64{0, 96}; !slices.Equal(seen.Counted(), want) {
		t.Errorf("the failed attempt counted %v, want %v: the rows up to the one at fault", seen.Counted(), want)
	}
}

// TestForeignCounter checks that a counter of another pipeline is the user's mistake.
func TestForeignCounter(t *testing.T) {
	j := newJob(t)
	j.collect(j.fused(j.read(30, "a"), operator.TryMap(jointsOf[string](t), func(ctx *operator.Context, s string) (string, error) {
		operator.Counter{}.Add(ctx, 1)
		return s, nil
	})))
	if _, err := j.run(j.runtime(""), attempt(0, 1)); fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), "NewCounter") {
		t.Errorf("Run = %v of kind %v, want kind User and what to do", err, fault.KindOf(err))
	}
}
