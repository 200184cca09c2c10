package operator

import (
	"fmt"
	"iter"
)

// BySide orders rows of several datasets by the number of their side.
func BySide[V any](side func(*V) byte) Order[V] {
	return Order[V]{{start: func(bool, bool) term[V] {
		var rows []V
		return term[V]{
			load:   func(chunk []V) { rows = chunk },
			append: func(dst []byte, i int) []byte { return append(dst, side(&rows[i])) },
			forget: func() { rows = nil },
		}
	}}}
}

// Sides gives the rows of a key side by side, where they stand in that order.
type Sides[V any] struct {
	values iter.Seq[V]
	side   func(*V) byte
	at     byte // the last side that was ranged over
	waits  bool // next is the first row of a later side
	next   V
	err    error
}

// NewSides returns the sides of a key's rows, which stand as BySide orders them.
func NewSides[V any](values iter.Seq[V], side func(*V) byte) *Sides[V] {
	return &Sides[V]{values: values, side: side}
}

// Err returns the error of user code that ranged over the sides in another order:
// it has missed rows.
func (s *Sides[V]) Err() error { return s.err }

// Of gives the rows of one side, which can be ranged over once, and not after
// those of a later one.
func (s *Sides[V]) Of(side byte) iter.Seq[V] {
	return func(yield func(V) bool) {
		if side < s.at {
			s.outOfOrder(side)
			return
		}
		s.at = side
		// give reports whether the function wants more of the side. One that ranged
		// over a later side meanwhile has skipped the rest of this one.
		give := func(v V) bool {
			if !yield(v) {
				return false
			}
			if s.at != side {
				s.outOfOrder(side)
			}
			return s.at == side
		}
		if s.waits {
			switch next := s.side(&s.next); {
			case next > side:
				return
			case next == side:
				s.waits = false
				if !give(s.next) {
					return
				}
			}
			s.waits = false
		}
		for v := range s.values {
			next := s.side(&v)
			if next > side {
				s.next, s.waits = v, true
				return
			}
			if next == side && !give(v) {
				return
			}
		}
	}
}

func (s *Sides[V]) outOfOrder(side byte) {
	s.err = fmt.Errorf("the function ranges over dataset %d after dataset %d: rows are streamed one dataset after the other, so take them in that order, or keep in a slice what is needed later", side+1, s.at+1)
}
