package sheaftest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/sdk"
)

// CheckAggregator adds values to states of an aggregator in many ways and ends
// the test unless all give the same result: values are split at random, empty
// parts included, added in random orders, states are stored and read as a
// shuffle does, and merged in random shapes. Merge must also leave its second
// argument as it is. The message shows the smallest example that was found, and
// the seed, which SHEAFTEST_SEED in the environment sets.
//
// Results are equal as rows are in sdk.Distinct: of floats every bit counts, but
// -0 equals 0 and NaN equals NaN.
func CheckAggregator[V, A, R any](t testing.TB, agg sdk.Aggregator[V, A, R], values []V) {
	t.Helper()
	key, err := column.KeyOf(planned[R](t))
	if err != nil {
		t.Fatalf("results cannot be compared: %v", err)
	}
	CheckAggregatorFunc(t, agg, values, func(a, b R) bool {
		return bytes.Equal(key.Append(nil, unsafe.Pointer(&a)), key.Append(nil, unsafe.Pointer(&b)))
	})
}

// CheckAggregatorFunc is CheckAggregator for results that need not be the same:
// equal says whether one that was made in parts, b, may stand for a, that of all
// values in one state.
func CheckAggregatorFunc[V, A, R any](t testing.TB, agg sdk.Aggregator[V, A, R], values []V, equal func(a, b R) bool) {
	t.Helper()
	switch {
	case agg.Err != nil:
		t.Fatalf("the aggregator cannot be used: %v", agg.Err)
	case agg.Add == nil || agg.Merge == nil || agg.Finish == nil:
		t.Fatalf("the aggregator lacks Add, Merge or Finish")
	case agg.Init == nil:
		agg.Init = func() (zero A) { return zero }
	}
	c := &checker[V, A, R]{agg: agg, values: values, equal: equal, state: planned[A](t)}
	seed := seedOf(t)
	r := rand.New(rand.NewPCG(seed, 0))
	for range splitsTried {
		s := randomSplit(r, len(values))
		if c.try(s) != "" {
			s = c.shrink(s)
			t.Fatalf("SHEAFTEST_SEED=%d: %s", seed, c.try(s))
		}
	}
}

// splitsTried finds a Merge that is wrong for one pair of states in twenty, and
// takes milliseconds for a hundred values.
const splitsTried = 100

func planned[T any](t testing.TB) *column.Type {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		t.Fatalf("states and results of an aggregator must be rows: %v", err)
	}
	return typ
}

func seedOf(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("SHEAFTEST_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SHEAFTEST_SEED: %v", err)
	}
	return seed
}

// split is a way to aggregate values: which of them each state gets, in which
// order, and how the states are merged.
type split struct {
	parts [][]int // of values
	// merges says, modulo the states that are left but one, which one takes the
	// next one in.
	merges []int
	stored bool // states are stored after a merge, too, as when they spill
}

func randomSplit(r *rand.Rand, values int) split {
	s := split{parts: make([][]int, 1+r.IntN(min(values, 8)+2)), stored: r.IntN(2) == 0}
	for _, v := range r.Perm(values) {
		p := r.IntN(len(s.parts))
		s.parts[p] = append(s.parts[p], v)
	}
	for range len(s.parts) - 1 {
		s.merges = append(s.merges, r.IntN(1<<16))
	}
	return s
}

// used lists the values of a split in their own order.
func (s split) used() []int {
	all := slices.Concat(s.parts...)
	slices.Sort(all)
	return all
}

type checker[V, A, R any] struct {
	agg    sdk.Aggregator[V, A, R]
	values []V
	equal  func(a, b R) bool
	state  *column.Type
}

// try returns what is wrong with a split, nothing if all is well.
func (c *checker[V, A, R]) try(s split) string {
	want := c.agg.Finish(c.fold(s.used()))
	states := make([]A, len(s.parts))
	names := make([]string, len(s.parts))
	for i, part := range s.parts {
		var err error
		if states[i], err = c.store(c.fold(part)); err != nil {
			return fmt.Sprintf("the state of %s cannot be stored: %v", c.show(part), err)
		}
		names[i] = c.show(part)
	}
	for i := 0; len(states) > 1; i++ {
		at := s.merges[i] % (len(states) - 1)
		to, from := &states[at], states[at+1]
		before := c.frame(from)
		c.agg.Merge(to, from)
		names[at] = fmt.Sprintf("(%s + %s)", names[at], names[at+1])
		if !bytes.Equal(before, c.frame(from)) {
			return fmt.Sprintf("Merge changes its second argument in %s", names[at])
		}
		if s.stored {
			var err error
			if *to, err = c.store(*to); err != nil {
				return fmt.Sprintf("the state of %s cannot be stored: %v", names[at], err)
			}
		}
		states, names = slices.Delete(states, at+1, at+2), slices.Delete(names, at+1, at+2)
	}
	if got := c.agg.Finish(states[0]); !c.equal(want, got) {
		return fmt.Sprintf("%s in one state gives %+v, but %s gives %+v", c.show(s.used()), want, names[0], got)
	}
	return ""
}

func (c *checker[V, A, R]) fold(part []int) A {
	state := c.agg.Init()
	for _, v := range part {
		c.agg.Add(&state, c.values[v])
	}
	return state
}

// store makes of a state what is read after it was written.
func (c *checker[V, A, R]) store(state A) (A, error) {
	b := column.NewBuilder(c.state)
	var read [1]A
	if err := column.AppendRows(b, []A{state}); err != nil {
		return read[0], err
	}
	rec := b.Record()
	defer rec.Release()
	return read[0], column.ScanRows(c.state, rec, 0, read[:])
}

// frame is the state in bytes; a state that has none is found by store.
func (c *checker[V, A, R]) frame(state A) []byte {
	b := column.NewBuilder(c.state)
	if err := column.AppendRows(b, []A{state}); err != nil {
		return nil
	}
	return b.AppendFrame(nil, []uint32{0})
}

func (c *checker[V, A, R]) show(part []int) string {
	values := make([]V, len(part))
	for i, v := range part {
		values[i] = c.values[v]
	}
	return fmt.Sprintf("%+v", values)
}

// triesToShrink bound the time for an aggregator that is slow as well as wrong.
const triesToShrink = 5000

// shrink looks for a smaller split that is wrong too: with fewer values, fewer
// parts, and states that are merged from left to right.
func (c *checker[V, A, R]) shrink(s split) split {
	left := triesToShrink
	smaller := func(next split) bool {
		if left--; left < 0 || c.try(next) == "" {
			return false
		}
		s = next
		return true
	}
	smaller(split{s.parts, make([]int, len(s.merges)), s.stored})
	smaller(split{s.parts, s.merges, false})
	for again := true; again && left > 0; {
		again = false
		for size := len(s.used()); size > 0; size /= 2 {
			for from := 0; from < len(s.used()); {
				if smaller(s.without(s.used()[from:min(from+size, len(s.used()))])) {
					again = true
				} else {
					from += size
				}
			}
		}
		for i := 0; i < len(s.parts)-1; {
			if smaller(s.joined(i)) {
				again = true
			} else {
				i++
			}
		}
	}
	return s
}

func (s split) without(values []int) split {
	parts := make([][]int, len(s.parts))
	for i, part := range s.parts {
		parts[i] = slices.DeleteFunc(slices.Clone(part), func(v int) bool {
			_, drop := slices.BinarySearch(values, v)
			return drop
		})
	}
	return split{parts, s.merges, s.stored}
}

// joined makes one of the parts i and i+1.
func (s split) joined(i int) split {
	parts := slices.Clone(s.parts)
	parts[i] = slices.Concat(parts[i], parts[i+1])
	return split{slices.Delete(parts, i+1, i+2), s.merges, s.stored}
}
