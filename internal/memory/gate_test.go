package memory

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// entering calls Enter in a goroutine and returns where its result will be.
func entering(ctx context.Context, p *Pass, bytes int64) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Enter(ctx, bytes) }()
	synctest.Wait()
	return done
}

func waits(done <-chan error) bool {
	select {
	case <-done:
		return false
	default:
		return true
	}
}

func TestGateLetsInByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		g := NewGate(50, 10)
		a, c, d, e := g.Pass(b, "a"), g.Pass(b, "c"), g.Pass(b, "d"), g.Pass(b, "e")
		if waits(entering(t.Context(), a, 9)) || a.Inside() {
			t.Errorf("Enter(9) waits or holds, want a piece that is not large to pass freely")
		}
		if waits(entering(t.Context(), a, 70)) || b.Used() != 70 {
			t.Errorf("Enter(70) into an empty gate of 50: waits, or Used = %d, want a single piece inside", b.Used())
		}
		if waits(entering(t.Context(), a, 20)) || waits(entering(t.Context(), a, 80)) || b.Used() != 80 {
			t.Errorf("Enter of a pass that is inside: waits, or Used = %d, want the largest piece, 80", b.Used())
		}
		second, third, fourth := entering(t.Context(), c, 30), entering(t.Context(), d, 30), entering(t.Context(), e, 10)
		if !waits(second) || !waits(third) || !waits(fourth) {
			t.Errorf("passes enter a gate that is full")
		}
		a.Leave()
		synctest.Wait()
		if waits(second) || !waits(third) || !waits(fourth) {
			t.Errorf("after Leave of the first: waiting = %v, %v, %v, want false, true, true: none overtakes", waits(second), waits(third), waits(fourth))
		}
		c.Leave()
		synctest.Wait()
		if waits(third) || waits(fourth) {
			t.Errorf("after Leave of the second somebody waits though all fit")
		}
		d.Leave()
		e.Leave()
		e.Leave()
		if b.Used() != 0 || g.inside != 0 {
			t.Errorf("at the end Used = %d, inside = %d, want 0", b.Used(), g.inside)
		}
	})
}

func TestGateCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		g := NewGate(50, 1)
		a, c, d := g.Pass(b, "a"), g.Pass(b, "c"), g.Pass(b, "d")
		if err := a.Enter(t.Context(), 40); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		first, second := entering(ctx, c, 40), entering(t.Context(), d, 10)
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) || c.Inside() {
			t.Errorf("Enter with a canceled context = %v, inside = %v, want Canceled and false", err, c.Inside())
		}
		if err := <-second; err != nil {
			t.Errorf("Enter behind one who gave up = %v, want nil", err)
		}
		a.Leave()
		d.Leave()
		if b.Used() != 0 || g.inside != 0 {
			t.Errorf("at the end Used = %d, inside = %d, want 0", b.Used(), g.inside)
		}
	})
}

// TestGateMakesOthersGiveWay checks that a piece counts in full in the budget
// of all attempts, though that of its own attempt is smaller.
func TestGateMakesOthersGiveWay(t *testing.T) {
	all := NewBudget(100)
	mine, other := all.Child("mine", 50), all.Child("other", 50)
	p := NewGate(100, 1).Pass(mine, "large")
	r := other.Reserve("rows")
	defer r.Release()
	if !r.Grow(20) {
		t.Fatal("Grow(20) of 50 was refused")
	}
	if err := p.Enter(t.Context(), 80); err != nil {
		t.Fatal(err)
	}
	if r.Grow(10) {
		t.Error("Grow succeeded beside a piece that takes what is left")
	}
	p.Leave()
	if !r.Grow(10) {
		t.Error("Grow was refused after the piece had gone")
	}
}

// TestGatePatience has nobody leave: who waits goes on all the same.
func TestGatePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(50, 1)
		b := NewBudget(30)
		a, c := g.Pass(b, "a"), g.Pass(b, "c")
		if err := a.Enter(t.Context(), 50); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := c.Enter(t.Context(), 50); err != nil || time.Since(began) != patience || g.inside != 100 || b.Used() != 100 {
			t.Errorf("Enter = %v after %v with %d inside and %d reserved, want nil after %v with 100 and 100, beyond the budget of 30", err, time.Since(began), g.inside, b.Used(), patience)
		}
		a.Leave()
		c.Leave()
		if g.inside != 0 {
			t.Errorf("inside = %d at the end, want 0", g.inside)
		}
	})
}

// TestGateAlwaysGoesOn has many passes take pieces at random, several at once,
// some giving up: all come to an end, and what is inside stays within the limit
// and what each took while it was inside.
func TestGateAlwaysGoesOn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	b := NewBudget(1)
	g := NewGate(100, 10)
	var firsts atomic.Int64 // bytes of pieces that found the pass outside
	var wait sync.WaitGroup
	for i := range 6 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wait.Go(func() {
			p := g.Pass(b, "p")
			defer p.Leave()
			for range 40 {
				n := 10 + random.Int64N(150)
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					cancel()
				}
				err := p.Enter(ctx, n)
				cancel()
				if err != nil {
					continue
				}
				if sum := firsts.Add(n); sum > 100 && sum != n {
					t.Errorf("%d bytes inside, the limit is 100", sum)
				}
				for range random.IntN(3) {
					if err := p.Enter(t.Context(), 10+random.Int64N(150)); err != nil {
						t.Error(err)
					}
				}
				firsts.Add(-n)
				p.Leave()
			}
		})
	}
	wait.Wait()
	if b.Used() != 0 || g.inside != 0 || len(g.waiting) != 0 {
		t.Errorf("at the end Used = %d, inside = %d, %d waiting, want nothing", b.Used(), g.inside, len(g.waiting))
	}
}

func TestNoPass(t *testing.T) {
	var p *Pass
	if err := p.Enter(t.Context(), 1<<40); err != nil || p.Inside() {
		t.Errorf("Enter of a nil Pass = %v, Inside = %v, want nil, false", err, p.Inside())
	}
	p.Leave()
}
