package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
)

func numbers(n int) []int64 {
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = int64(i)
	}
	return rows
}

// fusedCases are the row operators with what each makes of numbers.
var fusedCases = []struct {
	name string
	make func(e *Edge) *Fused
	want func(row int64) []int64
}{
	{"Map", func(e *Edge) *Fused { return Map(e, func(x int64) int64 { return 2 * x }) }, func(x int64) []int64 { return []int64{2 * x} }},
	{"TryMap", func(e *Edge) *Fused {
		return TryMap(e, func(_ *Context, x int64) (int64, error) { return x + 1, nil })
	}, func(x int64) []int64 { return []int64{x + 1} }},
	{"Filter", func(e *Edge) *Fused { return Filter(e, func(x int64) bool { return x%3 == 0 }) }, keepThirds},
	{"TryFilter", func(e *Edge) *Fused {
		return TryFilter(e, func(_ *Context, x int64) (bool, error) { return x%3 == 0, nil })
	}, keepThirds},
	{"Filter of all", func(e *Edge) *Fused { return Filter(e, func(int64) bool { return false }) }, func(int64) []int64 { return nil }},
	{"FlatMap", func(e *Edge) *Fused {
		return FlatMap(e, func(x int64, emit Emit[int64]) {
			for i := range x % 40 {
				emit(i)
			}
		})
	}, func(x int64) []int64 { return numbers(int(x % 40)) }},
	{"TryFlatMap", func(e *Edge) *Fused {
		return TryFlatMap(e, func(_ *Context, x int64, emit Emit[int64]) error { emit(x); emit(-x); return nil })
	}, func(x int64) []int64 { return []int64{x, -x} }},
	{"Union", Union, func(x int64) []int64 { return []int64{x} }},
}

func keepThirds(x int64) []int64 {
	if x%3 == 0 {
		return []int64{x}
	}
	return nil
}

// TestFused pushes chunks of every size, empty ones and ones larger than
// ChunkRows too, through every row operator.
func TestFused(t *testing.T) {
	for _, c := range fusedCases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, 1<<20)
			out := &sink[int64]{}
			to := c.make(edgeOf[int64](t)).Attach(s.task(t.Context()), out).(Receiver[int64])
			var want []int64
			for _, n := range []int{0, 1, s.chunkRows - 1, s.chunkRows, s.chunkRows + 1, 0, 10*s.chunkRows + 3} {
				rows := numbers(n)
				for _, x := range rows {
					want = append(want, c.want(x)...)
				}
				if err := to.Push(rows); err != nil {
					t.Fatalf("Push(%d rows): %v", n, err)
				}
				if !slices.Equal(out.rows, want) {
					t.Fatalf("after a Push of %d rows: %d rows came, want %d: none is held back", n, len(out.rows), len(want))
				}
			}
			if c.name != "Union" {
				for _, n := range out.pushes {
					if n == 0 || n > s.chunkRows {
						t.Errorf("a chunk of %d rows, want 1 to %d", n, s.chunkRows)
					}
				}
			}
			if err := to.Close(); err != nil || out.closed != 1 {
				t.Errorf("Close = %v and closed the receiver %d times, want nil and once", err, out.closed)
			}
		})
	}
}

// TestFusedErrors checks that an error of the receiver comes back from Push and
// Close, unchanged.
func TestFusedErrors(t *testing.T) {
	for _, c := range fusedCases {
		if c.name == "Filter of all" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, 1<<20)
			out := &sink[int64]{fail: errOut, failAt: 1}
			to := c.make(edgeOf[int64](t)).Attach(s.task(t.Context()), out).(Receiver[int64])
			err := to.Push([]int64{3})
			if err == nil {
				err = to.Push(numbers(100))
			}
			if err != errOut {
				t.Errorf("Push = %v, want %v", err, errOut)
			}
			if err := to.Close(); err != errOut {
				t.Errorf("Close = %v, want %v", err, errOut)
			}
		})
	}
}

// TestUserErrors checks that what a user function returns becomes kind User,
// even if it brings a kind of its own along, as errors of a job that the
// function ran do.
func TestUserErrors(t *testing.T) {
	causes := map[string]error{
		"plain": errors.New("bad row"), "canceled": context.Canceled,
		"of another job": fault.New(fault.Fetch, "output of another job"),
	}
	for name, cause := range causes {
		makers := map[string]func(e *Edge) *Fused{
			"TryMap":    func(e *Edge) *Fused { return TryMap(e, func(*Context, int64) (int64, error) { return 0, cause }) },
			"TryFilter": func(e *Edge) *Fused { return TryFilter(e, func(*Context, int64) (bool, error) { return false, cause }) },
			"TryFlatMap": func(e *Edge) *Fused {
				return TryFlatMap(e, func(*Context, int64, Emit[int64]) error { return cause })
			},
		}
		for op, make := range makers {
			t.Run(op+" "+name, func(t *testing.T) {
				s := newSite(t, 1<<20)
				to := make(edgeOf[int64](t)).Attach(s.task(t.Context()), &sink[int64]{}).(Receiver[int64])
				err := to.Push(numbers(3))
				if fault.KindOf(err) != fault.User || !errors.Is(err, cause) {
					t.Errorf("Push = %v of kind %v, want %v of kind User", err, fault.KindOf(err), cause)
				}
			})
		}
	}
}

// TestReceiverErrorFirst checks that an error of the receiver is not hidden by
// what the user function makes of it.
func TestReceiverErrorFirst(t *testing.T) {
	s := newSite(t, 1<<20)
	op := TryFlatMap(edgeOf[int64](t), func(_ *Context, _ int64, emit Emit[int64]) error {
		for i := range int64(100) {
			emit(i)
		}
		return errors.New("mine")
	})
	to := op.Attach(s.task(t.Context()), &sink[int64]{fail: errOut}).(Receiver[int64])
	if err := to.Push(numbers(1)); err != errOut {
		t.Errorf("Push = %v, want %v", err, errOut)
	}
}

// TestEmitStops checks that a row that emits without end does not outlive the
// cancellation of its attempt by more than what it emits into the void.
func TestEmitStops(t *testing.T) {
	s := newSite(t, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	out := &sink[int64]{}
	op := FlatMap(edgeOf[int64](t), func(_ int64, emit Emit[int64]) {
		for i := range int64(10_000) {
			emit(i)
			if i == 100 {
				cancel()
			}
		}
	})
	err := op.Attach(s.task(ctx), out).(Receiver[int64]).Push(numbers(1))
	if fault.KindOf(err) != fault.Canceled || len(out.rows) > 100+s.chunkRows {
		t.Errorf("Push = %v after %d rows, want kind Canceled after about 100", err, len(out.rows))
	}
}

// TestForms turns rows into batches and back.
func TestForms(t *testing.T) {
	s := newSite(t, 1<<20)
	edge := edgeOf[int64](t)
	batches := &batchSink{}
	build := edge.Build(s.task(t.Context()), batches).(Receiver[int64])
	want := numbers(5*s.chunkRows + 1)
	for _, rows := range [][]int64{nil, want[:1], want[1:]} {
		if err := build.Push(slices.Clone(rows)); err != nil {
			t.Fatalf("Push: %v", err)
		}
	}
	out := &sink[int64]{}
	scan := edge.Scan(s.task(t.Context()), out).(BatchReceiver)
	for _, b := range batches.batches {
		if n := b.NumRows(); n == 0 || n > int64(s.chunkRows) {
			t.Errorf("a batch of %d rows, want 1 to %d", n, s.chunkRows)
		}
		if err := scan.PushBatch(b); err != nil {
			t.Fatalf("PushBatch: %v", err)
		}
	}
	if !slices.Equal(out.rows, want) {
		t.Errorf("%d rows came through batches, want %d", len(out.rows), len(want))
	}
	if err := errors.Join(build.Close(), scan.Close()); err != nil || batches.closed != 1 || out.closed != 1 {
		t.Errorf("Close = %v, closed %d and %d times, want once each", err, batches.closed, out.closed)
	}
}

// TestForkAndJoin checks who is closed when, and that a failing Close of one
// branch is reported.
func TestForkAndJoin(t *testing.T) {
	edge := edgeOf[int64](t)
	out := &sink[int64]{}
	joined := edge.Join(out, 2).(Receiver[int64])
	fork := edge.Fork([]any{joined, joined}).(Receiver[int64])
	// Each branch may have its own view of the rows, so they are copied here.
	if err := fork.Push([]int64{}); err != nil {
		t.Fatal(err)
	}
	if err := fork.Close(); err != nil || out.closed != 1 {
		t.Errorf("Close = %v and closed %d times, want once, with the last edge", err, out.closed)
	}
	good, bad := &sink[int64]{}, &sink[int64]{fail: errOut}
	if err := edge.Fork([]any{good, bad}).(Receiver[int64]).Push([]int64{1}); err != errOut || len(good.rows) != 1 {
		t.Errorf("Push = %v with %d rows in the first branch, want %v with 1", err, len(good.rows), errOut)
	}
	if err := edge.Fork([]any{bad, good}).(Receiver[int64]).Close(); err != errOut || good.closed != 0 {
		t.Errorf("Close = %v and closed the second branch %d times, want %v and not", err, good.closed, errOut)
	}
}

func TestMapBatches(t *testing.T) {
	typ := typeOf[int64](t)
	other := typeOf[string](t)
	record := func(typ *column.Type, add func(b *column.Builder) error) arrow.Record {
		b := column.NewBuilder(typ)
		if err := add(b); err != nil {
			t.Fatal(err)
		}
		return b.Record()
	}
	in := record(typ, func(b *column.Builder) error { return column.AppendRows(b, numbers(5)) })
	text := record(other, func(b *column.Builder) error { return column.AppendRows(b, []string{"x"}) })
	tests := []struct {
		name string
		give arrow.Record
		err  error
		want int // batches
		kind fault.Kind
	}{
		{"same batch", in, nil, 1, fault.Unknown},
		{"nothing", nil, nil, 0, fault.Unknown},
		{"no rows", in.NewSlice(0, 0), nil, 0, fault.Unknown},
		{"other columns", text, nil, 0, fault.Invalid},
		{"error", nil, errOut, 0, fault.User},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, 1<<20)
			out := &batchSink{}
			op := MapBatches(edgeOf[int64](t), typ, func(*Context, arrow.Record) (arrow.Record, error) { return c.give, c.err })
			to := op.Attach(s.task(t.Context()), out).(BatchReceiver)
			err := to.PushBatch(in)
			if (c.kind == fault.Unknown) != (err == nil) || err != nil && fault.KindOf(err) != c.kind {
				t.Errorf("PushBatch = %v, want kind %v", err, c.kind)
			}
			if len(out.batches) != c.want {
				t.Errorf("%d batches came, want %d", len(out.batches), c.want)
			}
			if err := to.Close(); err != nil || out.closed != 1 {
				t.Errorf("Close = %v, closed %d times, want once", err, out.closed)
			}
		})
	}
}

func TestContextNames(t *testing.T) {
	s := newSite(t, 1<<20)
	c := s.task(t.Context()).Context
	if c.TaskID() != "0/1" || c.AttemptID() == "" {
		t.Errorf("TaskID() = %q, AttemptID() = %q, want 0/1 and a name", c.TaskID(), c.AttemptID())
	}
	if s := fmt.Sprint(c.AttemptID()); s == c.TaskID() {
		t.Errorf("AttemptID() = TaskID() = %q", s)
	}
}
