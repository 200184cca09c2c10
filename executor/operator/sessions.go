package operator

import (
	"iter"
	"time"
)

// Sessions splits the rows of a key, which stand in the order of their times, where
// the time between two of them is longer than a gap.
type Sessions[V any] struct {
	values iter.Seq[V]
	at     func(V) time.Time
	gap    time.Duration

	number int64 // of the session at hand, from 1 on
	start  time.Time
	last   time.Time // of the row before
	next   V         // the first row of session number of
	of     int64
	waits  bool // next has not been given
}

// NewSessions returns the sessions of a key's rows; Next moves to the first.
func NewSessions[V any](values iter.Seq[V], at func(V) time.Time, gap time.Duration) *Sessions[V] {
	return &Sessions[V]{values: values, at: at, gap: gap}
}

// Next moves to the next session, and reports whether there is one. What is left of
// the session at hand is skipped.
func (s *Sessions[V]) Next() bool {
	if s.number > 0 {
		for range s.Rows() {
		}
	} else {
		for v := range s.values {
			s.keep(v)
			break
		}
	}
	s.number++
	if s.waits {
		s.start = s.at(s.next)
		s.last = s.start
	}
	return s.waits
}

// keep keeps a row until it is asked for in the next session.
func (s *Sessions[V]) keep(row V) { s.next, s.of, s.waits = row, s.number+1, true }

// Start is the time of the first row of the session at hand.
func (s *Sessions[V]) Start() time.Time { return s.start }

// Rows gives the rows of the session at hand that have not been given yet; once
// that is over, nothing.
func (s *Sessions[V]) Rows() iter.Seq[V] {
	number := s.number
	return func(yield func(V) bool) {
		if s.waits && s.of == number && s.number == number {
			s.waits = false
			if !yield(s.next) {
				return
			}
		}
		if s.waits || s.number != number {
			return
		}
		for v := range s.values {
			at := s.at(v)
			if at.Sub(s.last) > s.gap {
				s.keep(v)
				return
			}
			s.last = at
			if !yield(v) || s.waits {
				return
			}
		}
	}
}
