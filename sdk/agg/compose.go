package agg

import (
	"errors"

	"github.com/sheafdata/sheaf/sdk"
)

// Two holds what two aggregators made.
type Two[A, B any] struct {
	First  A
	Second B
}

// Three holds what three aggregators made.
type Three[A, B, C any] struct {
	First  A
	Second B
	Third  C
}

// Pair gives every value to two aggregators and the results of both. Its state
// is their two states.
func Pair[V, A, R, B, S any](first sdk.Aggregator[V, A, R], second sdk.Aggregator[V, B, S]) sdk.Aggregator[V, Two[A, B], Two[R, S]] {
	if err := errors.Join(flaw(first), flaw(second)); err != nil {
		return refused[V, Two[A, B], Two[R, S]]("Pair", "%w", err)
	}
	return sdk.Aggregator[V, Two[A, B], Two[R, S]]{
		Init: func() Two[A, B] { return Two[A, B]{initial(first), initial(second)} },
		Add: func(s *Two[A, B], v V) {
			first.Add(&s.First, v)
			second.Add(&s.Second, v)
		},
		Merge: func(s *Two[A, B], o Two[A, B]) {
			first.Merge(&s.First, o.First)
			second.Merge(&s.Second, o.Second)
		},
		Finish: func(s Two[A, B]) Two[R, S] { return Two[R, S]{first.Finish(s.First), second.Finish(s.Second)} },
	}
}

// Triple is Pair for three aggregators. More are made of pairs of pairs.
func Triple[V, A, R, B, S, C, T any](first sdk.Aggregator[V, A, R], second sdk.Aggregator[V, B, S], third sdk.Aggregator[V, C, T]) sdk.Aggregator[V, Three[A, B, C], Three[R, S, T]] {
	if err := errors.Join(flaw(first), flaw(second), flaw(third)); err != nil {
		return refused[V, Three[A, B, C], Three[R, S, T]]("Triple", "%w", err)
	}
	return sdk.Aggregator[V, Three[A, B, C], Three[R, S, T]]{
		Init: func() Three[A, B, C] { return Three[A, B, C]{initial(first), initial(second), initial(third)} },
		Add: func(s *Three[A, B, C], v V) {
			first.Add(&s.First, v)
			second.Add(&s.Second, v)
			third.Add(&s.Third, v)
		},
		Merge: func(s *Three[A, B, C], o Three[A, B, C]) {
			first.Merge(&s.First, o.First)
			second.Merge(&s.Second, o.Second)
			third.Merge(&s.Third, o.Third)
		},
		Finish: func(s Three[A, B, C]) Three[R, S, T] {
			return Three[R, S, T]{first.Finish(s.First), second.Finish(s.Second), third.Finish(s.Third)}
		},
	}
}

// On gives what fn makes of every value to an aggregator: a field, say.
func On[V, U, A, R any](fn func(V) U, of sdk.Aggregator[U, A, R]) sdk.Aggregator[V, A, R] {
	if fn == nil {
		return refused[V, A, R]("On", "it needs a function, but got nil")
	}
	if err := flaw(of); err != nil {
		return refused[V, A, R]("On", "%w", err)
	}
	return sdk.Aggregator[V, A, R]{
		Init: of.Init, Merge: of.Merge, Finish: of.Finish,
		Add: func(s *A, v V) { of.Add(s, fn(v)) },
	}
}

// If gives an aggregator the values for which keep is true. A key none of whose
// values is kept has the result of an empty state.
func If[V, A, R any](keep func(V) bool, of sdk.Aggregator[V, A, R]) sdk.Aggregator[V, A, R] {
	if keep == nil {
		return refused[V, A, R]("If", "it needs a function, but got nil")
	}
	if err := flaw(of); err != nil {
		return refused[V, A, R]("If", "%w", err)
	}
	return sdk.Aggregator[V, A, R]{
		Init: of.Init, Merge: of.Merge, Finish: of.Finish,
		Add: func(s *A, v V) {
			if keep(v) {
				of.Add(s, v)
			}
		},
	}
}
