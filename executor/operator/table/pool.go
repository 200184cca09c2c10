package table

import "sync"

// Pool keeps the tables of ended tasks for the next ones: growing a large
// table anew, page by page, costs as much as some of the work in it. It is safe
// for concurrent use. The zero Pool is empty; a nil one keeps nothing.
type Pool struct {
	mu   sync.Mutex // guards free
	free []*Table
}

// Get returns an empty table.
func (p *Pool) Get() *Table {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := len(p.free); n > 0 {
			t := p.free[n-1]
			p.free = p.free[:n-1]
			return t
		}
	}
	return New()
}

// Put takes a table that its owner does not use any more and that held up to so
// many groups. A table most of which was never used is not worth keeping: it
// would take budget from tasks that need less.
func (p *Pool) Put(t *Table, groups int) {
	if p == nil || t == nil || groups*poolShare < len(t.slots) {
		return
	}
	t.Reset()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, t)
}

// poolShare is the least part of its slots, as a divisor, that a table must
// have used to be kept.
const poolShare = 8
