package memory

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestReservation(t *testing.T) {
	b := NewBudget(100)
	a, c := b.Reserve("a"), b.Reserve("c")
	steps := []struct {
		name       string
		do         func() bool
		want       bool
		used, peak int64
	}{
		{"grow", func() bool { return a.Grow(60) }, true, 60, 60},
		{"another grows to the limit", func() bool { return c.Grow(40) }, true, 100, 100},
		{"nothing more fits", func() bool { return c.Grow(1) }, false, 100, 100},
		{"nothing is always granted", func() bool { return c.Grow(0) }, true, 100, 100},
		{"shrink", func() bool { a.Shrink(10); return true }, true, 90, 100},
		{"set up", func() bool { return a.Set(60) }, true, 100, 100},
		{"set too far", func() bool { return a.Set(61) }, false, 100, 100},
		{"set down", func() bool { return a.Set(5) }, true, 45, 100},
		{"huge", func() bool { return a.Grow(math.MaxInt64) }, false, 45, 100},
		{"must passes the limit", func() bool { a.Must(100); return true }, true, 145, 145},
		{"nobody else then", func() bool { return c.Grow(0) }, false, 145, 145},
		{"shrinking by set above the limit", func() bool { return a.Set(104) }, true, 144, 145},
		{"release", func() bool { a.Release(); a.Release(); return true }, true, 40, 145},
		{"use after release", func() bool { return a.Grow(60) }, true, 100, 145},
		{"all back", func() bool { a.Release(); c.Release(); return true }, true, 0, 145},
	}
	for _, s := range steps {
		if got := s.do(); got != s.want {
			t.Errorf("%s: %v, want %v", s.name, got, s.want)
		}
		if b.Used() != s.used || b.Peak() != s.peak {
			t.Errorf("%s: Used, Peak = %d, %d, want %d, %d", s.name, b.Used(), b.Peak(), s.used, s.peak)
		}
	}
	if b.Limit() != 100 {
		t.Errorf("Limit() = %d, want 100", b.Limit())
	}
}

func TestChild(t *testing.T) {
	b := NewBudget(100)
	task := b.Child("task 1", 80)
	sort := task.Reserve("sort")
	other := b.Reserve("other")
	if !sort.Grow(80) || sort.Grow(1) {
		t.Errorf("growth in the child does not end at its own limit")
	}
	if !other.Grow(20) || other.Grow(1) {
		t.Errorf("what the child holds does not count in the parent")
	}
	sort.Shrink(50)
	if !other.Grow(50) || sort.Grow(1) {
		t.Errorf("the parent's limit does not bind the child")
	}
	if task.Used() != 30 || task.Peak() != 80 || b.Used() != 100 {
		t.Errorf("Used, Peak of the child, Used of the parent = %d, %d, %d, want 30, 80, 100", task.Used(), task.Peak(), b.Used())
	}
	want := []Holder{{"other", 70}, {"task 1/sort", 30}}
	if got := b.Holders(); !slices.Equal(got, want) {
		t.Errorf("Holders() = %v, want %v", got, want)
	}
	sort.Must(10)
	if task.Used() != 40 || b.Used() != 110 {
		t.Errorf("after Must: Used = %d and %d, want 40 and 110", task.Used(), b.Used())
	}
	sort.Release()
	other.Release()
	if task.Used() != 0 || b.Used() != 0 || len(b.Holders()) != 0 {
		t.Errorf("after Release: Used = %d and %d, Holders = %v, want nothing", task.Used(), b.Used(), b.Holders())
	}
}

func TestGrandchildRefusalLeavesNoTrace(t *testing.T) {
	b := NewBudget(10)
	child := b.Child("c", 100)
	r := child.Child("d", 100).Reserve("r")
	if r.Grow(11) || r.Held() != 0 || child.Used() != 0 || child.Peak() != 0 || b.Used() != 0 {
		t.Errorf("Grow above the outermost limit = held %d, child %d (peak %d), outer %d, want a refusal without trace", r.Held(), child.Used(), child.Peak(), b.Used())
	}
}

func TestWithoutLimitNothingGrows(t *testing.T) {
	for _, limit := range []int64{0, -1, math.MinInt64} {
		if NewBudget(limit).Reserve("r").Grow(1) {
			t.Errorf("NewBudget(%d) lets a reservation grow", limit)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	for name, misuse := range map[string]func(*Reservation){
		"negative Grow":   func(r *Reservation) { r.Grow(-1) },
		"negative Must":   func(r *Reservation) { r.Must(-1) },
		"negative Shrink": func(r *Reservation) { r.Shrink(-1) },
		"negative Set":    func(r *Reservation) { r.Set(-1) },
		"too much Shrink": func(r *Reservation) { r.Shrink(11) },
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBudget(100)
			r := b.Reserve("r")
			r.Grow(10)
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
				if b.Used() != 10 || r.Held() != 10 {
					t.Errorf("after %s: Used, Held = %d, %d, want 10, 10", name, b.Used(), r.Held())
				}
			}()
			misuse(r)
		})
	}
}

// TestConcurrentUse has many owners grow and shrink at random; the limit holds
// at every moment and everything comes back.
func TestConcurrentUse(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const limit = 1000
	b := NewBudget(limit)
	shared := b.Child("shared", limit/2).Reserve("r")
	var wait sync.WaitGroup
	for i := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wait.Go(func() {
			child := b.Child("child", limit/4)
			own := child.Reserve("own")
			defer own.Release()
			for range 3000 {
				switch random.IntN(6) {
				case 0, 1:
					own.Grow(int64(random.IntN(200)))
				case 2:
					own.Set(int64(random.IntN(200)))
				case 3:
					own.Shrink(random.Int64N(own.Held() + 1))
				case 4:
					shared.Set(int64(random.IntN(limit)))
				case 5:
					b.Holders()
				}
				if child.Used() > limit/4 || b.Used() > limit {
					t.Errorf("Used = %d of %d in the child, %d of %d in all", child.Used(), limit/4, b.Used(), limit)
				}
			}
		})
	}
	wait.Wait()
	shared.Release()
	if b.Used() != 0 || b.Peak() > limit || b.Peak() == 0 || len(b.Holders()) != 0 {
		t.Errorf("at the end Used, Peak, Holders = %d, %d, %v, want nothing held and a peak within the limit", b.Used(), b.Peak(), b.Holders())
	}
}

func BenchmarkGrowShrink(b *testing.B) {
	r := NewBudget(1<<30).Child("task", 1<<29).Reserve("r")
	for b.Loop() {
		r.Grow(4096)
		r.Shrink(4096)
	}
}
