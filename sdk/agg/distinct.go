package agg

import (
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

// CountDistinct counts the distinct values of a key exactly. A key that has more
// than limit of them fails the job: use CountDistinctApprox then, or Distinct
// and Count, which spill. limit is from 1 to 16,777,216. State: up to twice the
// distinct values, encoded.
func CountDistinct[V any](limit int) sdk.Aggregator[V, lazy[string], int64] {
	type state = lazy[string]
	if limit < 1 || limit > maxItems {
		return refused[V, state, int64]("CountDistinct", "the limit is %d; choose one from 1 to %d", limit, maxItems)
	}
	e, err := encodingOf[V]()
	if err != nil {
		return refused[V, state, int64]("CountDistinct", "%w", err)
	}
	tidy := func(s *state) {
		s.distinct()
		if len(s.Items) > limit {
			giveUp("agg.CountDistinct: a key has more than %d distinct values: raise the limit, or use CountDistinctApprox, whose state is small", limit)
		}
	}
	add := func(s *state, key string) {
		if s.has(key) {
			return
		}
		s.Items = append(s.Items, strings.Clone(key))
		if s.full() {
			tidy(s)
		}
	}
	return sdk.Aggregator[V, state, int64]{
		Add: func(s *state, v V) {
			k := e.take(&v)
			add(s, k.view())
			k.done()
		},
		Merge: func(s *state, o state) {
			for _, key := range o.Items {
				add(s, key)
			}
		},
		Finish: func(s state) int64 {
			s = s.copied()
			tidy(&s)
			return int64(len(s.Items))
		},
	}
}
