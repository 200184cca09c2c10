package operator

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// asNothing stands for what recovers panics.
func asNothing(f func() error) error { return f() }

// TestSharedAtOnce lets many goroutines ask for a thing whose opening fails the
// first two times, and closes it.
func TestSharedAtOnce(t *testing.T) {
	var opened, closed, refused atomic.Int64
	s := NewShared("n", graph.Position{}, func(context.Context) (int64, error) {
		if n := opened.Add(1); n > 2 {
			return n, nil
		}
		return 0, errors.New("refused")
	}, func(n int64) error {
		closed.Add(n)
		return nil
	})
	holdings := NewHoldings([]any{s})
	ctx := func(parent context.Context) *Context {
		return NewContext(parent, plan.AttemptID{}, &Job{Holdings: holdings})
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			n, err := s.Get(ctx(t.Context()))
			switch {
			case err != nil:
				refused.Add(1)
				if !OfNoRow(err) {
					t.Errorf("Get = %v, which could be an error of a row", err)
				}
			case n != 3:
				t.Errorf("Get = %d, want what the third open gave", n)
			}
		})
	}
	all.Wait()
	if opened.Load() != 3 || refused.Load() != 2 {
		t.Errorf("opened %d times and refused %d, want 3 and 2", opened.Load(), refused.Load())
	}
	if err := holdings.Close(asNothing); err != nil || closed.Load() != 3 || !holdings.Empty() {
		t.Errorf("Close = %v and closed %d, want what the third open gave", err, closed.Load())
	}
	if err := holdings.Close(asNothing); err != nil || closed.Load() != 3 {
		t.Errorf("another Close = %v and closed %d, want that it does nothing", err, closed.Load())
	}
}

// TestSharedCanceled cancels the attempt that opens a thing: it ends, and the one
// that waits opens the thing for itself. The context that a thing was opened with
// outlives the attempt, and ends with the thing.
func TestSharedCanceled(t *testing.T) {
	opening, n := make(chan struct{}), 0
	var life context.Context
	s := NewShared("client", graph.Position{}, func(ctx context.Context) (string, error) {
		if n++; n == 1 {
			close(opening)
			<-ctx.Done()
			return "", ctx.Err()
		}
		life = ctx
		return "client", nil
	}, nil)
	holdings := NewHoldings([]any{s})
	job := &Job{Holdings: holdings}
	first, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Get(NewContext(first, plan.AttemptID{}, job))
		ended <- err
	}()
	<-opening
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Get(NewContext(gone, plan.AttemptID{}, job)); !errors.Is(err, context.Canceled) {
		t.Errorf("Get of a canceled attempt while another opens = %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Get of the attempt that was canceled = %v", err)
	}
	second, end := context.WithCancel(t.Context())
	if got, err := s.Get(NewContext(second, plan.AttemptID{}, job)); got != "client" || err != nil {
		t.Errorf("Get of the next = %q, %v", got, err)
	}
	if end(); life.Err() != nil {
		t.Error("the thing's context ended with the attempt that opened it")
	}
	if err := holdings.Close(asNothing); err != nil || life.Err() == nil {
		t.Errorf("Close = %v, and the thing's context is %v, want that it is over", err, life.Err())
	}
	late := NewShared("late", graph.Position{}, func(context.Context) (string, error) { return "late", nil }, nil)
	after := NewHoldings([]any{late})
	if err := after.Close(asNothing); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Get(NewContext(t.Context(), plan.AttemptID{}, &Job{Holdings: after})); fault.KindOf(err) != fault.Lost {
		t.Errorf("Get after the end = %v, want kind lost", err)
	}
}
