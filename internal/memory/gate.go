package memory

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// Gate lets work with large pieces of memory, each more than its user's fair
// part of the budget, go on one after another. All methods are safe for
// concurrent use.
type Gate struct {
	limit int64 // of what is inside at once; one piece alone may be larger
	large int64 // pieces below it pass freely

	mu      sync.Mutex // guards the fields below
	inside  int64
	waiting []*waiter // in the order in which they came
}

// waiter is a pass before the gate.
type waiter struct {
	bytes int64
	in    chan struct{} // closed when it is inside
}

// NewGate returns a gate for pieces of largeBytes or more that lets in
// limitBytes of them at once, or a single one.
func NewGate(limitBytes, largeBytes int64) *Gate {
	return &Gate{limit: limitBytes, large: largeBytes}
}

// patience bounds the wait before a gate. Who is inside never waits there, so
// it ends much sooner unless user code takes minutes for a row, or holds a lock
// of its own that the one who waits has. Too much memory is then better than a
// job that hangs.
const patience = time.Minute

// enter waits until bytes more may be inside.
func (g *Gate) enter(ctx context.Context, bytes int64) error {
	w := &waiter{bytes, make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.admit()
	g.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.in:
		return nil
	case <-timer.C:
		g.withdraw(w, true)
		return nil
	case <-ctx.Done():
		g.withdraw(w, false)
		return ctx.Err()
	}
}

// withdraw takes w out of the line; it is inside afterwards, or not.
func (g *Gate) withdraw(w *waiter, inside bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := true
	for i, other := range g.waiting {
		if other == w {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			was = false
			break
		}
	}
	switch {
	case was && !inside:
		g.inside -= w.bytes
	case !was && inside:
		g.inside += w.bytes
	}
	g.admit() // w may have stood before others
}

// admit lets in who waits first, as long as there is room.
func (g *Gate) admit() {
	for len(g.waiting) > 0 {
		w := g.waiting[0]
		if g.inside > 0 && w.bytes > g.limit-g.inside {
			return
		}
		g.inside += w.bytes
		g.waiting = g.waiting[1:]
		close(w.in)
	}
}

func (g *Gate) add(bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside += bytes
	g.admit()
}

// Pass is one attempt's way through a gate: it holds room for one piece at a
// time, the largest asked for since it came in. It belongs to one goroutine.
// The methods of a nil Pass do nothing.
type Pass struct {
	gate   *Gate
	inside int64
	held   *Reservation
}

// Pass returns a pass that holds nothing. What it lets in counts in the
// attempt's budget and in those above it, beyond their limits if need be:
// nothing else grows beside it, and other attempts, refused too, give way. Who
// takes a pass calls Leave at the end.
func (g *Gate) Pass(budget *Budget, owner string) *Pass {
	return &Pass{gate: g, held: budget.Reserve(owner)}
}

// Large reports whether Enter looks at a piece of that many bytes.
func (p *Pass) Large(bytes int64) bool { return p != nil && bytes >= p.gate.large }

// Enter is called before a piece of memory is allocated. It returns at once for
// pieces that are not large, and for a pass that is inside: so who is inside
// can always go on, and no two wait for each other. Otherwise it waits, for
// other passes only, until there is room or ctx is canceled. Memory that nobody
// uses any more is then given back to the system, since the collector would
// find it only after the new piece stands beside it.
func (p *Pass) Enter(ctx context.Context, bytes int64) error {
	if !p.Large(bytes) {
		return nil
	}
	if p.inside == 0 {
		if err := p.gate.enter(ctx, bytes); err != nil {
			return err
		}
		p.inside = bytes
	} else if more := bytes - p.inside; more > 0 {
		p.gate.add(more)
		p.inside = bytes
	}
	if more := p.inside - p.held.Held(); more > 0 {
		p.held.Must(more)
	}
	debug.FreeOSMemory()
	return nil
}

// Inside reports whether the pass holds anything.
func (p *Pass) Inside() bool { return p != nil && p.inside > 0 }

// Leave gives back everything. The pass may be used again.
func (p *Pass) Leave() {
	if !p.Inside() {
		return
	}
	p.gate.add(-p.inside)
	p.inside = 0
	p.held.Release()
}
