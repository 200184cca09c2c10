package agg

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

// Hitters is what HeavyHitters gives.
type Hitters[V any] struct {
	Rows  []Hitter[V] // the most frequent first, equal ones in the order of Sort
	Error int64       // by how much a count may be too small
	Total int64       // values in all
}

// Hitter is a value with the number of times it was counted.
type Hitter[V any] struct {
	Value V
	Count int64
}

// HeavyHitters finds the values that are frequent among those of a key, in a
// state of at most 2k counters: the algorithm of Misra and Gries (1982), which
// is merged as Agarwal and others show ("Mergeable summaries", 2012). k is from
// 1 to 10,000.
//
// Every value that occurs more than Error times is listed, at most k in all,
// and each occurs from Count to Count+Error times. Error is at most
// Total/(k+1). Which of the rarer values are listed, Count and Error depend on
// how the values were split; as long as there are no more than k distinct ones,
// all is exact.
func HeavyHitters[V any](k int) sdk.Aggregator[V, tallies, Hitters[V]] {
	if k < 1 || k > maxHitters {
		return refused[V, tallies, Hitters[V]]("HeavyHitters", "k is %d; choose one from 1 to %d", k, maxHitters)
	}
	e, err := encodingOf[V]()
	if err != nil {
		return refused[V, tallies, Hitters[V]]("HeavyHitters", "%w", err)
	}
	return sdk.Aggregator[V, tallies, Hitters[V]]{
		Add: func(t *tallies, v V) {
			key := e.take(&v)
			t.Total++
			t.add(k, key.view(), 1)
			key.done()
		},
		Merge: func(t *tallies, o tallies) {
			t.Total += o.Total
			t.Error += o.Error
			for _, c := range o.Counters {
				t.add(k, c.Key, c.Count)
			}
		},
		Finish: func(t tallies) Hitters[V] {
			t.Counters = slices.Clone(t.Counters)
			if len(t.Counters) > k {
				t.cut(k)
			}
			slices.SortStableFunc(t.Counters, func(a, b tally) int { return cmp.Compare(b.Count, a.Count) })
			h := Hitters[V]{Error: t.Error, Total: t.Total}
			for _, c := range t.Counters {
				h.Rows = append(h.Rows, Hitter[V]{e.decode(c.Key), c.Count})
			}
			return h
		},
	}
}

const maxHitters = 10_000

// tallies count keys, and forget the rare ones.
//
// Invariant: a key occurs from its count to its count plus Error times, where
// one without a counter counts 0; and the sum of all counts is at most
// Total - (k+1)×Error.
type tallies struct {
	Counters     []tally // by key
	Error, Total int64
}

type tally struct {
	Key   string
	Count int64
}

func (t *tallies) add(k int, key string, n int64) {
	i, found := slices.BinarySearchFunc(t.Counters, key, func(c tally, key string) int { return strings.Compare(c.Key, key) })
	if found {
		t.Counters[i].Count += n
		return
	}
	t.Counters = slices.Insert(t.Counters, i, tally{strings.Clone(key), n})
	if len(t.Counters) > 2*k {
		t.cut(k)
	}
}

// cut takes the count of the (k+1)-th most frequent key off all counts, so that
// k remain at most: k+1 counters lose all of it, which bounds the error. To do
// so for k keys at once costs each of them a constant number of comparisons.
func (t *tallies) cut(k int) {
	counts := make([]int64, len(t.Counters))
	for i, c := range t.Counters {
		counts[i] = c.Count
	}
	slices.Sort(counts)
	off := counts[len(counts)-1-k]
	t.Error += off
	for i := range t.Counters {
		t.Counters[i].Count -= off
	}
	t.Counters = slices.DeleteFunc(t.Counters, func(c tally) bool { return c.Count <= 0 })
}
