package memory

import (
	"fmt"
	"sync"
)

// Reservation is the part of a budget that one owner holds. Make one with
// Budget.Reserve; call Release when done. Its methods are safe for concurrent
// use; they take a lock, so call them per batch or per buffer, not per row.
type Reservation struct {
	budget *Budget
	owner  string

	mu     sync.Mutex // guards the fields below
	held   int64
	listed bool // in the ledger
}

// Grow adds n bytes and reports whether the budget agreed. After false nothing
// has changed: the owner spills, shrinks or does with less. It panics for a
// negative n.
func (r *Reservation) Grow(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grow(n)
}

// Must adds n bytes even beyond the limit: for the small floor without which an
// owner can do nothing, not even spill. It counts like any other reservation,
// so others are refused until it is given back. It panics for a negative n.
func (r *Reservation) Must(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check(n)
	r.budget.force(n)
	r.add(n)
}

// Shrink gives n bytes back. It panics when n is negative or more than is held,
// since the budget would then allow more than there is.
func (r *Reservation) Shrink(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shrink(n)
}

// Set grows or shrinks to n bytes in all and reports whether the budget agreed;
// shrinking always succeeds. After false nothing has changed. It panics for a
// negative n.
func (r *Reservation) Set(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check(n)
	if n <= r.held {
		r.shrink(r.held - n)
		return true
	}
	return r.grow(n - r.held)
}

// Held returns the bytes that are reserved now.
func (r *Reservation) Held() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// Release gives everything back. It may be called more than once, and the
// reservation may be used again afterwards.
func (r *Reservation) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shrink(r.held)
	if r.listed {
		r.budget.ledger.drop(r)
		r.listed = false
	}
}

func (r *Reservation) grow(n int64) bool {
	r.check(n)
	if !r.budget.grow(n) {
		return false
	}
	r.add(n)
	return true
}

func (r *Reservation) add(n int64) {
	r.held += n
	if n > 0 && !r.listed {
		r.budget.ledger.add(r)
		r.listed = true
	}
}

func (r *Reservation) shrink(n int64) {
	r.check(n)
	if n > r.held {
		panic(fmt.Sprintf("memory: %s gives back %d bytes and holds %d", r.owner, n, r.held))
	}
	r.held -= n
	r.budget.give(n)
}

func (r *Reservation) check(n int64) {
	if n < 0 {
		panic(fmt.Sprintf("memory: %s asks for %d bytes", r.owner, n))
	}
}
