package operator

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// longWords are words of which some are long, with a long beginning in common.
func longWords(r *rand.Rand, n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("word %d", r.IntN(40))
		if r.IntN(4) == 0 {
			words[i] = strings.Repeat("w", 100+50*r.IntN(2)) + words[i]
		}
	}
	return words
}

// TestLongKeysEqualMap counts long keys among others: by the table's own count,
// and by functions.
func TestLongKeysEqualMap(t *testing.T) {
	for _, budget := range budgets {
		for _, counts := range []bool{true, false} {
			t.Run(fmt.Sprintf("budget %d, counts %v", budget, counts), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, budget)
				s.large = 100
				r := rand.New(rand.NewPCG(uint64(budget), 5))
				want := map[string]int64{}
				var inputs [][]string
				for range 3 {
					inputs = append(inputs, longWords(r, 700))
					for _, w := range inputs[len(inputs)-1] {
						want[w]++
					}
				}
				agg := counting(t)
				agg.Counts = counts
				got := map[string]int64{}
				parts := []plan.Partition{{EndBucket: 2}, {FirstBucket: 2, EndBucket: 7}}
				for _, kv := range shuffled[string, KV[string, int64]](s, Aggregate(agg), 7, parts, inputs...) {
					if _, ok := got[kv.Key]; ok {
						t.Errorf("key %q came twice", kv.Key)
					}
					got[kv.Key] = kv.Value
				}
				if !maps.Equal(got, want) {
					t.Errorf("%d keys came, want %d, or their counts differ", len(got), len(want))
				}
			})
		}
	}
}

// TestLongKeysKeepStates joins values of long keys: states must stay apart and
// intact.
func TestLongKeysKeepStates(t *testing.T) {
	s := newSite(t, 64<<20)
	s.large = 100
	r := rand.New(rand.NewPCG(5, 5))
	want := map[string][]byte{}
	var inputs [][]KV[string, string]
	for range 3 {
		var rows []KV[string, string]
		for _, w := range longWords(r, 300) {
			letter := string(rune('a' + r.IntN(26)))
			rows = append(rows, KV[string, string]{w, letter})
			want[w] = append(want[w], letter...)
		}
		inputs = append(inputs, rows)
	}
	got := map[string][]byte{}
	for _, kv := range shuffled[KV[string, string], KV[string, string]](s, Aggregate(joining(t)), 7, whole(7), inputs...) {
		got[kv.Key] = []byte(kv.Value)
	}
	for key, letters := range want {
		slices.Sort(letters)
		slices.Sort(got[key])
		if string(got[key]) != string(letters) {
			t.Errorf("key of %d bytes has the values %.60q, want %.60q", len(key), got[key], letters)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys came, want %d", len(got), len(want))
	}
}

// TestLargeRowsSortAndGroup sends rows of which some are large through sorted
// exchanges.
func TestLargeRowsSortAndGroup(t *testing.T) {
	s := newSite(t, 200<<10)
	s.large = 100
	r := rand.New(rand.NewPCG(5, 6))
	inputs := [][]string{longWords(r, 500), longWords(r, 500)}
	want := slices.Sorted(slices.Values(slices.Concat(inputs...)))
	word := func(w string) string { return w }
	for name, order := range map[string]Order[string]{
		"whole rows":      {By(keyOf[string](t), word)},
		"a key and again": {By(keyOf[int64](t), func(string) int64 { return 1 }), By(keyOf[string](t), word)},
	} {
		if got := shuffled[string, string](s, Sort(typeOf[string](t), edgeOf[string](t), order), 0, whole(0), inputs...); !slices.Equal(got, want) {
			t.Errorf("sorted by %s: %d rows, want %d in order", name, len(got), len(want))
		}
	}

	type row = KV[string, string]
	var pairs [][]row
	for _, in := range inputs {
		var rows []row
		for i, w := range in {
			rows = append(rows, row{w, fmt.Sprint(i, strings.Repeat("v", 90*r.IntN(3)))})
		}
		pairs = append(pairs, rows)
	}
	wantRows := slices.Concat(pairs...)
	slices.SortStableFunc(wantRows, func(a, b row) int { return cmp.Compare(a.Key, b.Key) })
	x := GroupByKey(Grouping[string, string, row]{
		Key: keyOf[string](t), Value: typeOf[string](t), Out: edgeOf[row](t),
		Each: func(_ *Context, key string, values iter.Seq[string], emit Emit[row]) error {
			for v := range values {
				emit(row{key, v})
			}
			return nil
		},
	})
	if got := shuffled[row, row](s, x, 0, whole(0), pairs...); !slices.Equal(got, wantRows) {
		t.Errorf("groups give %d rows, want %d, or in another order", len(got), len(wantRows))
	}
}

// TestMakeRoom lets the map sides of exchanges make room between rows.
func TestMakeRoom(t *testing.T) {
	s := newSite(t, 64<<20)
	word := func(w string) string { return w }
	for name, x := range map[string]*Exchange{
		"count": Aggregate(counting(t)),
		"sort":  Sort(typeOf[string](t), edgeOf[string](t), Order[string]{By(keyOf[string](t), word)}),
	} {
		task := s.task(t.Context())
		to := x.Map(task, plan.Exchange{Buckets: 3}).(Receiver[string])
		for range 3 {
			if err := to.Push(longWords(rand.New(rand.NewPCG(1, 1)), 200)); err != nil {
				t.Fatal(err)
			}
			if err := MakeRoom(to); err != nil {
				t.Fatalf("%s: MakeRoom: %v", name, err)
			}
			if used := s.budget.Used(); used != 0 {
				t.Errorf("%s: %d bytes are reserved after MakeRoom, want none", name, used)
			}
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if rows := task.Result.Outputs[0].Rows; rows == 0 {
			t.Errorf("%s: the map output has no rows", name)
		}
	}
	if err := MakeRoom(&sink[int]{}); err != nil {
		t.Errorf("MakeRoom of a receiver that holds nothing = %v, want nil", err)
	}
}

// TestFilterSelects gives what a filter keeps to maps, which take it where it
// stands, and to others.
func TestFilterSelects(t *testing.T) {
	even := Filter(edgeOf[int64](t), func(n int64) bool { return n%3 == 0 })
	for name, m := range map[string]*Fused{
		"map": Map(edgeOf[string](t), func(n int64) string { return fmt.Sprint(n) }),
		"map that may fail": TryMap(edgeOf[string](t), func(_ *Context, n int64) (string, error) {
			return fmt.Sprint(n), nil
		}),
		"flat map": FlatMap(edgeOf[string](t), func(n int64, emit Emit[string]) { emit(fmt.Sprint(n)) }),
	} {
		s := newSite(t, 1<<20)
		task := s.task(t.Context())
		out := &sink[string]{}
		in := even.Attach(task, m.Attach(task, out)).(Receiver[int64])
		var rows []int64
		var want []string
		for i := range int64(200) {
			rows = append(rows, i)
			if i%3 == 0 {
				want = append(want, fmt.Sprint(i))
			}
		}
		for _, chunk := range [][]int64{rows[:0], rows[:1], rows[1:3], rows[3:4], rows[4:150], rows[150:]} {
			if err := in.Push(slices.Clone(chunk)); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(out.rows, want) {
			t.Errorf("filter and %s give %v, want %v", name, out.rows, want)
		}
	}
}
