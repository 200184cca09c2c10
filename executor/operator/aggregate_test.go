package operator

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// counting is the aggregation that counts equal strings.
func counting(t testing.TB) Aggregation[string, string, int64, KV[string, int64]] {
	add := func(states []int64, groups []uint32, by func(i int) int64) []int64 {
		for i, g := range groups {
			if int(g) == len(states) {
				states = append(states, 0)
			}
			states[g] += by(i)
		}
		return states
	}
	return Aggregation[string, string, int64, KV[string, int64]]{
		Key: keyOf[string](t), State: typeOf[int64](t), Out: edgeOf[KV[string, int64]](t),
		Fold: func(states []int64, groups []uint32, _ []string) []int64 {
			return add(states, groups, func(int) int64 { return 1 })
		},
		Merge: func(states []int64, groups []uint32, others []int64) []int64 {
			return add(states, groups, func(i int) int64 { return others[i] })
		},
		Finish: pairUp[string, int64],
	}
}

func pairUp[K, A any](dst []KV[K, A], keys []K, states []A) []KV[K, A] {
	for i := range keys {
		dst = append(dst, KV[K, A]{keys[i], states[i]})
	}
	return dst
}

// joining folds values of a key into one string, which shows whether states
// stay apart and intact. Values are single letters: their order is not fixed.
func joining(t testing.TB) Aggregation[KV[string, string], string, string, KV[string, string]] {
	merge := func(states []string, groups []uint32, value func(i int) string) []string {
		for i, g := range groups {
			if int(g) == len(states) {
				states = append(states, value(i))
			} else {
				states[g] += value(i)
			}
		}
		return states
	}
	return Aggregation[KV[string, string], string, string, KV[string, string]]{
		Key: keyOf[string](t), State: typeOf[string](t), Out: edgeOf[KV[string, string]](t),
		Fold: func(states []string, groups []uint32, rows []KV[string, string]) []string {
			return merge(states, groups, func(i int) string { return rows[i].Value })
		},
		Merge: func(states []string, groups []uint32, others []string) []string {
			return merge(states, groups, func(i int) string { return others[i] })
		},
		Finish: pairUp[string, string],
	}
}

// budgets are from what spills at every chunk, several levels deep, to what
// never spills.
var budgets = []int64{0, 10 << 10, 200 << 10, 64 << 20}

func TestCountEqualsMap(t *testing.T) {
	for _, budget := range budgets {
		for _, buckets := range []int{1, 7, 256} {
			t.Run(fmt.Sprintf("budget %d, %d buckets", budget, buckets), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, budget)
				r := rand.New(rand.NewPCG(uint64(budget), uint64(buckets)))
				want := map[string]int64{}
				var inputs [][]string
				for range 3 {
					var rows []string
					for range 6000 {
						w := fmt.Sprintf("word %d", r.IntN(1+r.IntN(8000)))
						if r.IntN(50) == 0 {
							w = ""
						}
						rows = append(rows, w)
						want[w]++
					}
					inputs = append(inputs, rows)
				}
				cut := buckets / 3
				parts := []plan.Partition{{EndBucket: cut}, {FirstBucket: cut, EndBucket: buckets}}
				got := map[string]int64{}
				for _, kv := range shuffled[string, KV[string, int64]](s, Aggregate(counting(t)), buckets, parts, inputs...) {
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

func TestStringStates(t *testing.T) {
	for _, budget := range budgets {
		t.Run(fmt.Sprintf("budget %d", budget), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, budget)
			r := rand.New(rand.NewPCG(uint64(budget), 1))
			want := map[string]string{}
			var inputs [][]KV[string, string]
			for range 3 {
				var rows []KV[string, string]
				for range 3000 {
					// Values view a larger buffer, as those of a batch do.
					buffer := strings.Repeat(string(rune('a'+r.IntN(26))), 50)
					kv := KV[string, string]{fmt.Sprintf("key %d", r.IntN(400)), buffer[20:21]}
					want[kv.Key] += kv.Value
					rows = append(rows, kv)
				}
				inputs = append(inputs, rows)
			}
			got := shuffled[KV[string, string], KV[string, string]](s, Aggregate(joining(t)), 4, whole(4), inputs...)
			if len(got) != len(want) {
				t.Errorf("%d keys came, want %d", len(got), len(want))
			}
			for _, kv := range got {
				if a, b := letters(kv.Value), letters(want[kv.Key]); a != b {
					t.Errorf("key %q has letters %v, want %v", kv.Key, a, b)
				}
			}
		})
	}
}

func letters(s string) (n [26]int) {
	for _, c := range s {
		n[c-'a']++
	}
	return n
}

// TestReduceSpills checks that the reduce side spills when it must, in levels,
// and that it does not where the states that were replaced are garbage.
func TestReduceSpills(t *testing.T) {
	reduce := func(t *testing.T, budget int64, keys int) int64 {
		big := newSite(t, 256<<20)
		x := Aggregate(joining(t))
		var outs []plan.MapOutput
		for i := range 40 {
			var rows []KV[string, string]
			for k := range keys {
				rows = append(rows, KV[string, string]{fmt.Sprintf("key %07d", k), fmt.Sprintf("%050d", i)[:1+49/(1+k/10)]})
			}
			outs = append(outs, mapped(big, x, 4, rows).Result.Outputs...)
		}
		small := newSite(t, budget)
		task := small.task(t.Context())
		task.Shuffle.Source = big.store
		task.Assignment.Partition = &plan.Partition{EndBucket: 4, Outputs: outs}
		out := &sink[KV[string, string]]{}
		if err := x.Reduce(task, out); err != nil {
			t.Fatalf("Reduce: %v", err)
		}
		if len(out.rows) != keys {
			t.Errorf("%d keys came, want %d", len(out.rows), keys)
		}
		return task.Shuffle.Spilled.Load()
	}
	t.Run("many keys", func(t *testing.T) {
		if n := reduce(t, 64<<10, 3000); n == 0 {
			t.Errorf("nothing was spilled")
		}
	})
	t.Run("few keys", func(t *testing.T) {
		// Each of 10 states is replaced 40 times and ends with 2,000 bytes:
		// 400 KB were copied, 20 KB are held.
		if n := reduce(t, 200<<10, 10); n != 0 {
			t.Errorf("%d bytes were spilled for 10 keys", n)
		}
	})
}

// TestCombinerReduces checks that the map side folds what comes again and again.
func TestCombinerReduces(t *testing.T) {
	s := newSite(t, 1<<20)
	task := mapped(s, Aggregate(counting(t)), 8, strings.Fields(strings.Repeat("to be or not to be ", 5000)))
	if out := task.Result.Outputs[0]; out.Rows != 4 || task.RowsOut.Load() != 4 {
		t.Errorf("%d rows in the map output, %d counted, want 4", out.Rows, task.RowsOut.Load())
	}
}

// TestAbortedWriters checks that a map side given up in the middle, or after
// its Close, gives everything back; newSite looks at the budget.
func TestAbortedWriters(t *testing.T) {
	order := Order[string]{By(keyOf[string](t), func(s string) string { return s })}
	makers := map[string]*Exchange{
		"combiner": Aggregate(counting(t)),
		"sort":     Sort(typeOf[string](t), edgeOf[string](t), order),
		"top":      TopK(typeOf[string](t), edgeOf[string](t), 10, order),
		"fold":     joinAll(t),
	}
	for name, x := range makers {
		for _, closed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, closed %v", name, closed), func(t *testing.T) {
				s := newSite(t, 30<<10)
				to := x.Map(s.task(t.Context()), plan.Exchange{Buckets: 4}).(Receiver[string])
				for i := range 300 {
					if err := to.Push([]string{fmt.Sprintf("%0200d", i)}); err != nil {
						t.Fatal(err)
					}
				}
				if closed {
					if err := to.Close(); err != nil {
						t.Fatal(err)
					}
				}
				Abort(to)
				if used := s.budget.Used(); used != 0 {
					t.Errorf("budget.Used() = %d after Abort, want 0", used)
				}
			})
		}
	}
}

// TestReduceErrors checks that a receiver's error ends the reduce side at once
// and that the budget is given back.
func TestReduceErrors(t *testing.T) {
	order := Order[string]{By(keyOf[string](t), func(s string) string { return s })}
	for name, x := range map[string]*Exchange{
		"aggregate": Aggregate(counting(t)),
		"sort":      Sort(typeOf[string](t), edgeOf[string](t), order),
		"top":       TopK(typeOf[string](t), edgeOf[string](t), 10, order),
		"fold":      joinAll(t),
	} {
		for _, budget := range []int64{0, 1 << 20} {
			t.Run(fmt.Sprintf("%s, budget %d", name, budget), func(t *testing.T) {
				s := newSite(t, budget)
				var rows []string
				for i := range 2000 {
					rows = append(rows, fmt.Sprint(i))
				}
				outs := mapped(s, x, 1, rows).Result.Outputs
				task := s.task(t.Context())
				task.Assignment.Partition = &plan.Partition{EndBucket: 1, Outputs: outs}
				var out any = &sink[string]{fail: errOut}
				if name == "aggregate" {
					out = &sink[KV[string, int64]]{fail: errOut}
				}
				if err := x.Reduce(task, out); err != errOut {
					t.Errorf("Reduce = %v, want %v", err, errOut)
				}
			})
		}
	}
}

// TestGroupsPanicOfUser gives back what a table held when the user's function
// panics in the middle of the reduce side.
func TestGroupsPanicOfUser(t *testing.T) {
	s := newSite(t, 10<<10)
	a := counting(t)
	a.Finish = func([]KV[string, int64], []string, []int64) []KV[string, int64] { panic("finish") }
	x := Aggregate(a)
	var rows []string
	for i := range 2000 {
		rows = append(rows, fmt.Sprint(i))
	}
	outs := mapped(s, x, 1, rows).Result.Outputs
	task := s.task(t.Context())
	task.Assignment.Partition = &plan.Partition{EndBucket: 1, Outputs: outs}
	defer func() {
		if v := recover(); v != "finish" {
			t.Errorf("recovered %v, want the user's panic", v)
		}
	}()
	x.Reduce(task, &sink[KV[string, int64]]{})
}

// TestRehearsalKeepsNothing runs map sides that must not publish or spill.
func TestRehearsalKeepsNothing(t *testing.T) {
	order := Order[string]{By(keyOf[string](t), func(s string) string { return s })}
	for name, x := range map[string]*Exchange{
		"combiner": Aggregate(counting(t)),
		"sort":     Sort(typeOf[string](t), edgeOf[string](t), order),
		"top":      TopK(typeOf[string](t), edgeOf[string](t), 10, order),
		"fold":     joinAll(t),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 0)
			task := s.task(t.Context())
			task.Shuffle.Discard = true
			to := x.Map(task, plan.Exchange{Buckets: 4}).(Receiver[string])
			for i := range 3000 {
				if err := to.Push([]string{fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if inMemory, onDisk := s.store.Usage(); inMemory+onDisk+task.Shuffle.Spilled.Load() != 0 {
				t.Errorf("a rehearsal left %d bytes in memory, %d on disk", inMemory, onDisk)
			}
			Abort(to)
		})
	}
}

// TestCollectLimit refuses more rows than a driver takes.
func TestCollectLimit(t *testing.T) {
	s := newSite(t, 1<<20)
	big := strings.Repeat("x", 1<<20)
	out := Collect(typeOf[string](t), func([]string) error { return nil })
	to := out.Write(s.task(t.Context()), plan.Sink{}).(Receiver[string])
	var err error
	for i := 0; err == nil && i < 200; i++ {
		// Noise, so that the blocks do not shrink.
		b := []byte(big)
		r := rand.New(rand.NewPCG(uint64(i), 0))
		for j := 0; j+8 <= len(b); j += 8 {
			*(*uint64)(unsafe.Pointer(&b[j])) = r.Uint64()
		}
		err = to.Push([]string{string(b)})
	}
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "Collect holds") {
		t.Errorf("Push = %v of kind %v, want kind Invalid that says what Collect holds", err, fault.KindOf(err))
	}
	Abort(to)
}

func TestKeysOfChunk(t *testing.T) {
	var keys column.Keys
	keysOf(keyOf[string](t), &keys, []KV[string, int64]{{"a", 1}, {"", 2}, {"bc", 3}})
	if got := fmt.Sprintf("%q %q %q", keys.At(0), keys.At(1), keys.At(2)); got != `"a" "" "bc"` || keys.Len() != 3 {
		t.Errorf("keysOf = %s, want a, nothing and bc", got)
	}
	keysOf(keyOf[string](t), &keys, []KV[string, int64](nil))
	if keys.Len() != 0 {
		t.Errorf("keysOf(nil) = %d keys, want 0", keys.Len())
	}
}
