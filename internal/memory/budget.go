// Package memory bounds what a process keeps in memory. A Budget is a limit in
// bytes; whoever wants to hold much reserves first and spills when refused.
// The package also reads and writes sizes for people and finds out how much
// memory the machine or its container has. It allocates nothing for others: a
// reservation is a promise, not a buffer. It owns no goroutine.
package memory

import (
	"sort"
	"sync"
	"sync/atomic"
)

// Budget is a limit in bytes shared by many reservations. Make one with
// NewBudget or Child. All methods are safe for concurrent use.
type Budget struct {
	parent *Budget // nil for the outermost
	ledger *ledger // shared by the whole tree
	owner  string  // prefix of its reservations' owners; empty for the outermost
	limit  int64
	used   atomic.Int64
	peak   atomic.Int64
}

// NewBudget returns a budget of limitBytes. With a limit below 1 every Grow is refused.
func NewBudget(limitBytes int64) *Budget {
	return &Budget{limit: limitBytes, ledger: &ledger{held: make(map[*Reservation]struct{})}}
}

// Child returns a budget inside b: what is reserved from it counts in both, and
// both limits hold. It needs no closing: it is empty when its reservations are
// released.
func (b *Budget) Child(owner string, limit int64) *Budget {
	return &Budget{parent: b, ledger: b.ledger, owner: b.owned(owner), limit: limit}
}

// Limit returns the limit in bytes of this budget alone, without its parents'.
func (b *Budget) Limit() int64 { return b.limit }

// Used returns the bytes that are reserved now. Must can lift it above Limit.
func (b *Budget) Used() int64 { return b.used.Load() }

// Peak returns the most bytes that were ever reserved at once.
func (b *Budget) Peak() int64 { return b.peak.Load() }

// Reserve returns a reservation of 0 bytes. The owner names it in Holders. Who
// reserves calls Release.
func (b *Budget) Reserve(owner string) *Reservation {
	return &Reservation{budget: b, owner: b.owned(owner)}
}

func (b *Budget) owned(owner string) string {
	if b.owner == "" {
		return owner
	}
	return b.owner + "/" + owner
}

// grow takes n bytes from b and its parents, or nothing at all. Peaks move only
// when every level has agreed, so that a refused request leaves no trace.
func (b *Budget) grow(n int64) bool {
	used, ok := b.take(n)
	if !ok {
		return false
	}
	if b.parent != nil && !b.parent.grow(n) {
		b.used.Add(-n)
		return false
	}
	b.notePeak(used)
	return true
}

// take adds n unless the limit would be passed, and returns the new sum.
func (b *Budget) take(n int64) (int64, bool) {
	for {
		used := b.used.Load()
		// Written as a subtraction because used+n may overflow.
		if used > b.limit || n > b.limit-used {
			return used, false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return used + n, true
		}
	}
}

// force takes n bytes without looking at limits.
func (b *Budget) force(n int64) {
	for at := b; at != nil; at = at.parent {
		at.notePeak(at.used.Add(n))
	}
}

func (b *Budget) give(n int64) {
	for at := b; at != nil; at = at.parent {
		at.used.Add(-n)
	}
}

func (b *Budget) notePeak(used int64) {
	for {
		peak := b.peak.Load()
		if used <= peak || b.peak.CompareAndSwap(peak, used) {
			return
		}
	}
}

// Holder is one reservation that holds something.
type Holder struct {
	Owner string // of the reservation, after the owners of the budgets around it: "task 3/sort"
	Held  int64  // bytes
}

// Holders lists who holds memory in b's whole tree, the largest first, for
// error messages and diagnosis. Figures of reservations in use may be a moment old.
func (b *Budget) Holders() []Holder {
	var all []Holder
	for _, r := range b.ledger.list() {
		if held := r.Held(); held > 0 {
			all = append(all, Holder{Owner: r.owner, Held: held})
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Held != all[j].Held {
			return all[i].Held > all[j].Held
		}
		return all[i].Owner < all[j].Owner
	})
	return all
}

// ledger knows the reservations of a tree of budgets that have grown and are
// not released.
type ledger struct {
	mu   sync.Mutex // guards held
	held map[*Reservation]struct{}
}

func (l *ledger) add(r *Reservation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[r] = struct{}{}
}

func (l *ledger) drop(r *Reservation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, r)
}

// list copies, because looking into a reservation takes its lock and a
// reservation takes the ledger's lock while it holds its own.
func (l *ledger) list() []*Reservation {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Reservation, 0, len(l.held))
	for r := range l.held {
		all = append(all, r)
	}
	return all
}
