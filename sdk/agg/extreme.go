package agg

import (
	"cmp"

	"github.com/sheafdata/sheaf/sdk"
)

// Min gives the least value. NaN comes after all numbers, so it is the least of
// nothing but NaN; a zero is 0, never -0. State: the value.
func Min[V cmp.Ordered]() sdk.Aggregator[V, Maybe[V], Maybe[V]] { return best[V](-1) }

// Max gives the greatest value: NaN where one is NaN, since it comes after all
// numbers. A zero is 0, never -0. State: the value.
func Max[V cmp.Ordered]() sdk.Aggregator[V, Maybe[V], Maybe[V]] { return best[V](1) }

// best keeps the value that compares as sign says with every other one.
func best[V cmp.Ordered](sign int) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	add := func(s *Maybe[V], v V) {
		if !s.OK || compareNaNLast(v, s.Value) == sign {
			var zero V
			s.Value, s.OK = v+zero, true // -0 + 0 is 0
		}
	}
	return sdk.Aggregator[V, Maybe[V], Maybe[V]]{
		Add: add,
		Merge: func(s *Maybe[V], o Maybe[V]) {
			if o.OK {
				add(s, o.Value)
			}
		},
		Finish: func(s Maybe[V]) Maybe[V] { return s },
	}
}

// compareNaNLast compares as Sort does: cmp.Compare has NaN first.
func compareNaNLast[V cmp.Ordered](a, b V) int {
	if a != a || b != b {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// First gives the row that comes first in an order; of those that compare holds
// equal, the one that Sort without an order would put first. compare returns a
// negative number where a comes before b, and must be an order. State: the row.
func First[V any](compare func(a, b V) int) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	if compare == nil {
		return refused[V, Maybe[V], Maybe[V]]("First", "it needs a function, but got nil")
	}
	return first("First", compare)
}

// Last gives the row that comes last in an order; of those that compare holds
// equal, the one that Sort without an order would put first. State: the row.
func Last[V any](compare func(a, b V) int) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	if compare == nil {
		return refused[V, Maybe[V], Maybe[V]]("Last", "it needs a function, but got nil")
	}
	return first("Last", func(a, b V) int { return compare(b, a) })
}

// ArgMin gives the row with the least key; of several, the one that Sort without
// an order would put first. NaN comes after all numbers. State: the row; key is
// called twice for each.
func ArgMin[V any, K cmp.Ordered](key func(V) K) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	if key == nil {
		return refused[V, Maybe[V], Maybe[V]]("ArgMin", "it needs a function, but got nil")
	}
	return first("ArgMin", func(a, b V) int { return compareNaNLast(key(a), key(b)) })
}

// ArgMax gives the row with the greatest key; of several, the one that Sort
// without an order would put first. It is otherwise as ArgMin.
func ArgMax[V any, K cmp.Ordered](key func(V) K) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	if key == nil {
		return refused[V, Maybe[V], Maybe[V]]("ArgMax", "it needs a function, but got nil")
	}
	return first("ArgMax", func(a, b V) int { return compareNaNLast(key(b), key(a)) })
}

func first[V any](name string, compare func(a, b V) int) sdk.Aggregator[V, Maybe[V], Maybe[V]] {
	e, err := encodingOf[V]()
	if err != nil {
		return refused[V, Maybe[V], Maybe[V]](name, "%w", err)
	}
	before := func(a, b V) bool {
		if c := compare(a, b); c != 0 {
			return c < 0
		}
		return e.compare(&a, &b) < 0
	}
	return sdk.Aggregator[V, Maybe[V], Maybe[V]]{
		Add: func(s *Maybe[V], v V) {
			if !s.OK || before(v, s.Value) {
				*s = Maybe[V]{Value: v, OK: true}
			}
		},
		Merge: func(s *Maybe[V], o Maybe[V]) {
			if o.OK && (!s.OK || before(o.Value, s.Value)) {
				*s = o
			}
		},
		Finish: func(s Maybe[V]) Maybe[V] {
			if s.OK {
				s.Value = e.canonical(s.Value)
			}
			return s
		},
	}
}
