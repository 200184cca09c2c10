package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

type pair = KV[string, int64]

// grouping gives, for every key, the values that take picks of the sequence.
func grouping(t testing.TB, each func(ctx *Context, key string, values iter.Seq[int64], emit Emit[pair]) error) *Exchange {
	return GroupByKey(Grouping[string, int64, pair]{
		Key: keyOf[string](t), Value: typeOf[int64](t), Out: edgeOf[pair](t), Each: each,
	})
}

// groupInputs are pairs of three map tasks and, sorted stably, all of them.
func groupInputs(rows int) (inputs [][]pair, sorted []pair) {
	r := rand.New(rand.NewPCG(11, 11))
	n := int64(0)
	for range 3 {
		var in []pair
		for range rows {
			n++
			in = append(in, pair{fmt.Sprintf("key %d", r.IntN(30)), n})
		}
		inputs, sorted = append(inputs, in), append(sorted, in...)
	}
	slices.SortStableFunc(sorted, func(a, b pair) int { return cmp.Compare(a.Key, b.Key) })
	return inputs, sorted
}

// firstOf keeps the first n values of every key.
func firstOf(sorted []pair, n int) []pair {
	var kept []pair
	seen := map[string]int{}
	for _, p := range sorted {
		if seen[p.Key] < n {
			kept = append(kept, p)
		}
		seen[p.Key]++
	}
	return kept
}

func TestGroupByKey(t *testing.T) {
	inputs, sorted := groupInputs(2000)
	all := func(key string, values iter.Seq[int64], emit Emit[pair]) {
		for v := range values {
			emit(pair{key, v})
		}
	}
	firstTwo := func(key string, values iter.Seq[int64], emit Emit[pair]) {
		n := 0
		for v := range values {
			emit(pair{key, v})
			if n++; n == 2 {
				break
			}
		}
	}
	tests := []struct {
		name string
		each func(key string, values iter.Seq[int64], emit Emit[pair])
		want []pair
	}{
		{"all values", all, sorted},
		{"some values", firstTwo, firstOf(sorted, 2)},
		{"no value", func(key string, _ iter.Seq[int64], emit Emit[pair]) {}, nil},
		{"twice", func(key string, values iter.Seq[int64], emit Emit[pair]) {
			all(key, values, emit)
			all(key, values, emit) // nothing is left
		}, sorted},
		{"on after a break", func(key string, values iter.Seq[int64], emit Emit[pair]) {
			firstTwo(key, values, emit)
			all(key, values, emit) // the rest
		}, sorted},
		{"by next", func(key string, values iter.Seq[int64], emit Emit[pair]) {
			next, stop := iter.Pull(values)
			defer stop()
			for v, ok := next(); ok; v, ok = next() {
				emit(pair{key, v})
			}
		}, sorted},
	}
	for _, c := range tests {
		for _, budget := range []int64{0, 64 << 20} {
			t.Run(fmt.Sprintf("%s, budget %d", c.name, budget), func(t *testing.T) {
				s := newSite(t, budget)
				x := grouping(t, func(_ *Context, key string, values iter.Seq[int64], emit Emit[pair]) error {
					c.each(key, values, emit)
					return nil
				})
				parts := []plan.Partition{{ToKey: []byte("key 17")}, {FromKey: []byte("key 17")}}
				got := shuffled[pair, pair](s, x, 1, parts, inputs...)
				if !slices.Equal(got, c.want) {
					t.Errorf("%d rows came, want %d in the order of the map tasks", len(got), len(c.want))
				}
			})
		}
	}
}

// TestGroupValuesKept checks that values kept beyond their group give nothing,
// least of all those of another key.
func TestGroupValuesKept(t *testing.T) {
	inputs, sorted := groupInputs(500)
	s := newSite(t, 64<<20)
	var before iter.Seq[int64]
	x := grouping(t, func(_ *Context, key string, values iter.Seq[int64], emit Emit[pair]) error {
		if before != nil {
			for v := range before {
				t.Errorf("values of an earlier group gave %d in group %q", v, key)
			}
		}
		before = values
		for v := range values {
			emit(pair{key, v})
			break
		}
		return nil
	})
	got := shuffled[pair, pair](s, x, 1, []plan.Partition{{}}, inputs...)
	if want := firstOf(sorted, 1); !slices.Equal(got, want) {
		t.Errorf("got %d rows, want %d: %v, want %v", len(got), len(want), got, want)
	}
}

// TestGroupCounts checks that every row is counted once, whether taken or not.
func TestGroupCounts(t *testing.T) {
	inputs, sorted := groupInputs(3000)
	s := newSite(t, 64<<20)
	x := grouping(t, func(*Context, string, iter.Seq[int64], Emit[pair]) error { return nil })
	var outs []plan.MapOutput
	for _, in := range inputs {
		outs = append(outs, mapped(s, x, 1, in).Result.Outputs...)
	}
	task := s.task(t.Context())
	task.Assignment.Partition = &plan.Partition{Outputs: outs}
	if err := x.Reduce(task, &sink[pair]{}); err != nil {
		t.Fatal(err)
	}
	if n := task.Read.Rows.Load(); n != int64(len(sorted)) {
		t.Errorf("counted %d rows, want %d", n, len(sorted))
	}
}

// TestGroupCombined folds values on the map side before the sorted exchange.
func TestGroupCombined(t *testing.T) {
	inputs, sorted := groupInputs(2000)
	want := map[string]int64{}
	for _, p := range sorted {
		want[p.Key] += p.Value
	}
	for _, budget := range budgets {
		t.Run(fmt.Sprintf("budget %d", budget), func(t *testing.T) {
			s := newSite(t, budget)
			x := GroupByKey(Grouping[string, int64, pair]{
				Key: keyOf[string](t), Value: typeOf[int64](t), Out: edgeOf[pair](t),
				Combine: func(states []int64, groups []uint32, rows []pair) []int64 {
					for i, g := range groups {
						if int(g) == len(states) {
							states = append(states, 0)
						}
						states[g] += rows[i].Value
					}
					return states
				},
				Each: func(_ *Context, key string, values iter.Seq[int64], emit Emit[pair]) error {
					sum := int64(0)
					for v := range values {
						sum += v
					}
					emit(pair{key, sum})
					return nil
				},
			})
			got := shuffled[pair, pair](s, x, 1, whole(1), inputs...)
			if len(got) != len(want) {
				t.Errorf("%d keys came, want %d", len(got), len(want))
			}
			for _, p := range got {
				if p.Value != want[p.Key] {
					t.Errorf("key %q sums up to %d, want %d", p.Key, p.Value, want[p.Key])
				}
			}
		})
	}
}

// brokenSource fails to read behind a limit.
type brokenSource struct {
	*store.Store
	limit int64
}

func (s brokenSource) Open(ctx context.Context, out plan.MapOutput) (store.Output, error) {
	o, err := s.Store.Open(ctx, out)
	return brokenOutput{o, s.limit}, err
}

type brokenOutput struct {
	store.Output
	limit int64
}

func (o brokenOutput) ReadAt(p []byte, at int64) (int, error) {
	// The index at the end can be read, and the blocks up to the limit.
	if at >= o.limit && at+int64(len(p)) < o.Size()-4096 {
		return 0, io.ErrUnexpectedEOF
	}
	return o.Output.ReadAt(p, at)
}

// TestGroupCutShort checks that a group whose rows cannot be read to its end is
// reported as what it is, and not blamed on what the user's function does with
// half a group.
func TestGroupCutShort(t *testing.T) {
	half := errors.New("half a group")
	tests := []struct {
		name string
		each func(ctx *Context, key string, values iter.Seq[int64], emit Emit[pair]) error
	}{
		{"the function fails", func(*Context, string, iter.Seq[int64], Emit[pair]) error { return half }},
		{"the function goes on", func(*Context, string, iter.Seq[int64], Emit[pair]) error { return nil }},
	}
	var rows []pair
	for i := range int64(400_000) {
		rows = append(rows, pair{"one key", i * 0x9e3779b97f4a7c})
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, 64<<20)
			n := 0
			x := grouping(t, func(ctx *Context, key string, values iter.Seq[int64], emit Emit[pair]) error {
				for range values {
					n++
				}
				return c.each(ctx, key, values, emit)
			})
			outs := mapped(s, x, 1, rows).Result.Outputs
			task := s.task(t.Context())
			task.Shuffle.Source = brokenSource{s.store, outs[0].Bytes / 2}
			task.Assignment.Partition = &plan.Partition{Outputs: outs}
			err := x.Reduce(task, &sink[pair]{})
			if n == 0 || n == len(rows) {
				t.Fatalf("the function saw %d of %d rows, want some: the test breaks nothing", n, len(rows))
			}
			if fault.KindOf(err) != fault.Fetch || errors.Is(err, half) {
				t.Errorf("Reduce = %v of kind %v, want kind Fetch", err, fault.KindOf(err))
			}
			if task.Cause == nil {
				t.Errorf("task.Cause = nil, want the error: a panic of the user's function would hide it")
			}
		})
	}
}

// TestGroupCanceled stops within one long group.
func TestGroupCanceled(t *testing.T) {
	s := newSite(t, 64<<20)
	rows := make([]pair, 50_000)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	x := grouping(t, func(_ *Context, _ string, values iter.Seq[int64], _ Emit[pair]) error {
		for range values {
			if n++; n == 10 {
				cancel()
			}
		}
		return nil
	})
	outs := mapped(s, x, 1, rows).Result.Outputs
	task := s.task(ctx)
	task.Assignment.Partition = &plan.Partition{Outputs: outs}
	if err := x.Reduce(task, &sink[pair]{}); fault.KindOf(err) != fault.Canceled || n > 2*countRows {
		t.Errorf("Reduce = %v after %d rows, want kind Canceled after at most %d", err, n, 2*countRows)
	}
}

// TestSort compares with a stable sort, by several terms in both directions.
func TestSort(t *testing.T) {
	score := func(s scored) int64 { return s.Score }
	name := func(s scored) string { return s.Name }
	tests := []struct {
		name  string
		order Order[scored]
		cmp   func(a, b scored) int
	}{
		{"ascending", Order[scored]{By(keyOf[int64](t), score)}, func(a, b scored) int { return cmp.Compare(a.Score, b.Score) }},
		{"descending", Order[scored]{By(keyOf[int64](t), score).Descending()}, func(a, b scored) int { return cmp.Compare(b.Score, a.Score) }},
		{"text, then descending", Order[scored]{By(keyOf[string](t), name), By(keyOf[int64](t), score).Descending()},
			func(a, b scored) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Score, a.Score)) }},
		{"descending text, then ascending", Order[scored]{By(keyOf[string](t), name).Descending(), By(keyOf[int64](t), score)},
			func(a, b scored) int { return cmp.Or(cmp.Compare(b.Name, a.Name), cmp.Compare(a.Score, b.Score)) }},
		{"turned around twice", Order[scored]{By(keyOf[string](t), name).Descending().Descending()},
			func(a, b scored) int { return cmp.Compare(a.Name, b.Name) }},
	}
	r := rand.New(rand.NewPCG(21, 21))
	var inputs [][]scored
	var all []scored
	for range 3 {
		var rows []scored
		for range 1500 {
			rows = append(rows, scored{"aab\x00\xff"[:r.IntN(6)], r.Int64N(9) - 4})
		}
		inputs, all = append(inputs, rows), append(all, rows...)
	}
	for _, c := range tests {
		for _, budget := range []int64{0, 64 << 20} {
			t.Run(fmt.Sprintf("%s, budget %d", c.name, budget), func(t *testing.T) {
				s := newSite(t, budget)
				want := slices.Clone(all)
				slices.SortStableFunc(want, c.cmp)
				got := shuffled[scored, scored](s, Sort(typeOf[scored](t), edgeOf[scored](t), c.order), 1, whole(1), inputs...)
				if !slices.Equal(got, want) {
					t.Errorf("%d rows came in another order than a stable sort gives", len(got))
				}
			})
		}
	}
}
