package operator

import (
	"iter"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// Running is a row with what an aggregator makes of it and of rows before it.
type Running[V, R any] struct {
	Row    V
	Result R
}

// RunningAggregate returns the sorted exchange that gives every row of a key with
// the result over all rows of the key up to it.
func RunningAggregate[K, V, A, R any](g Grouping[K, V, KV[K, Running[V, R]]], f Folding[V, A, R]) *Exchange {
	return groupExchange(g, func(r *groupReader[K, V, KV[K, Running[V, R]]]) func(K, iter.Seq[V]) error {
		all, copies := newFolded(r.task, f.State, f.Init()), newCopier[A](f.State)
		r.end = all.held.Release
		one := make([]V, 1)
		return func(key K, values iter.Seq[V]) error {
			all.restart(f.Init())
			for one[0] = range values {
				f.Fold(&all.state, one)
				all.own()
				r.emitter.emit(KV[K, Running[V, R]]{key, Running[V, R]{one[0], f.Finish(copies.of(all.state))}})
				if r.emitter.err != nil {
					break
				}
			}
			return nil
		}
	})
}

// MovingAggregate is RunningAggregate over the last n rows of the key.
func MovingAggregate[K, V, A, R any](g Grouping[K, V, KV[K, Running[V, R]]], f Folding[V, A, R], n int) *Exchange {
	return groupExchange(g, func(r *groupReader[K, V, KV[K, Running[V, R]]]) func(K, iter.Seq[V]) error {
		m := newMoving(r.task, g, f, n)
		r.end = m.release
		return func(key K, values iter.Seq[V]) error {
			m.reset()
			for v := range values {
				if err := m.add(v); err != nil {
					return err
				}
				r.emitter.emit(KV[K, Running[V, R]]{key, Running[V, R]{v, m.result()}})
				if r.emitter.err != nil {
					break
				}
			}
			return nil
		}
	})
}

// moving folds the last rows of a walk with a function that cannot take rows away,
// by two stacks: rows come to back, of which there is one state. When a row is to go
// and front is empty, front gets a state for each row of back, of it and all behind
// it, and loses one for each row that goes. So a row is folded twice at most.
type moving[V, A, R any] struct {
	folding Folding[V, A, R]
	n       int
	back    *window[V]
	state   *folded[A] // of back
	// front are states; the last one is of all rows that came before back.
	front  *window[A]
	copies *copier[A]
	sum    A // a field, since a variable would be allocated for each row
	one    []V
}

func newMoving[K, V, A, R any](t *Task, g Grouping[K, V, KV[K, Running[V, R]]], f Folding[V, A, R], n int) *moving[V, A, R] {
	m := &moving[V, A, R]{
		folding: f, n: n, back: newWindow[V](t, "MovingAggregate", g.Value, n), state: newFolded(t, f.State, f.Init()),
		front: newWindow[A](t, "MovingAggregate", f.State, n), copies: newCopier[A](f.State), one: make([]V, 1),
	}
	m.front.owns = true // the next state is made of the same memory
	return m
}

func (m *moving[V, A, R]) reset() {
	m.front.reset()
	m.empty()
}

// empty makes back empty.
func (m *moving[V, A, R]) empty() {
	m.back.reset()
	m.state.restart(m.folding.Init())
}

// add takes the next row, after the first one has gone if there are n.
func (m *moving[V, A, R]) add(row V) error {
	switch {
	case m.front.len > 0 && m.front.len+m.back.len == m.n:
		m.front.drop(m.front.len - 1)
	case m.back.len == m.n:
		if err := m.turn(); err != nil {
			return err
		}
	}
	m.one[0] = row
	m.folding.Fold(&m.state.state, m.one)
	m.state.own()
	return m.back.add(row)
}

// turn moves all rows but the first from back to front.
func (m *moving[V, A, R]) turn() error {
	m.sum = m.folding.Init()
	for i := m.back.len - 1; i > 0; i-- {
		m.one[0] = *m.back.at(i)
		m.folding.Fold(&m.sum, m.one)
		if err := m.front.add(m.sum); err != nil {
			return err
		}
	}
	m.empty()
	return nil
}

// result is what the aggregator makes of the rows there are.
func (m *moving[V, A, R]) result() R {
	back := m.copies.of(m.state.state)
	if m.front.len == 0 {
		return m.folding.Finish(back)
	}
	m.sum = m.copies.of(*m.front.at(m.front.len - 1))
	m.folding.Merge(&m.sum, back)
	return m.folding.Finish(m.sum)
}

func (m *moving[V, A, R]) release() {
	m.back.release()
	m.front.release()
	m.state.held.Release()
}

// copier copies states with all that they point to: user code may keep, or change,
// what it got of one that is still needed.
type copier[A any] struct {
	own  func(now, before unsafe.Pointer) int64 // nil for states that point to nothing
	copy A                                      // a field, since a variable would be allocated for each state
}

func newCopier[A any](typ *column.Type) *copier[A] {
	if typ.Flat() {
		return &copier[A]{}
	}
	return &copier[A]{own: typ.Own}
}

func (c *copier[A]) of(state A) A {
	if c.own == nil {
		return state
	}
	c.copy = state
	c.own(unsafe.Pointer(&c.copy), nil)
	return c.copy
}
