package operator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Shared is a thing that the tasks of a job have in common in each process that
// runs them: a client of a database, a model in memory. It is opened when a
// function first asks for it and closed when the process has done its work for the
// job. A Shared is safe for concurrent use; whether what it gives is, is the
// user's affair.
type Shared[T any] struct {
	name  string
	at    graph.Position
	open  func(context.Context) (T, error)
	close func(T) error

	number int // in its graph
}

// NewShared returns the description of a thing, which a graph has still to number.
// close may be nil.
func NewShared[T any](name string, at graph.Position, open func(context.Context) (T, error), close func(T) error) *Shared[T] {
	return &Shared[T]{name: name, at: at, open: open, close: close}
}

// SetNumber says the number of the thing in its graph.
func (s *Shared[T]) SetNumber(n int) { s.number = n }

// Get returns the thing, and opens it when no task of the process has done so.
// Others that ask meanwhile wait. When open fails, so does Get, for those who
// waited too, one after the other: each tries again. The error fails the task
// and no row is left out for it.
func (s *Shared[T]) Get(ctx *Context) (T, error) {
	h := ctx.job.holding(s)
	if v := h.value.Load(); v != nil {
		return *(*v).(*T), nil
	}
	v, err := h.get(ctx, s.openAny)
	if err != nil {
		var none T
		return none, &ofNoRow{fmt.Errorf("open %s, made at %v: %w", s.name, s.at, err)}
	}
	return *v.(*T), nil
}

// openAny opens the thing, and returns a pointer to it and what closes it.
func (s *Shared[T]) openAny(ctx context.Context) (any, func() error, error) {
	v, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &v, func() error {
		if s.close == nil {
			return nil
		}
		if err := s.close(v); err != nil {
			return fmt.Errorf("close %s, made at %v: %w", s.name, s.at, err)
		}
		return nil
	}, nil
}

// Holdings are the things that one process has opened for a job.
type Holdings struct {
	life context.Context // of what is opened; canceled after it was closed
	end  context.CancelFunc
	all  []holding

	mu     sync.Mutex // guards what follows
	opened []func() error
	closed bool
}

// holding is a thing that is open, or is not yet.
type holding struct {
	of    any // its Shared
	in    *Holdings
	value atomic.Pointer[any] // to a pointer to the thing; nil until it is open
	turn  chan struct{}       // held by who opens it
}

// NewHoldings returns the holdings for the Shared things of a graph; none is open.
func NewHoldings(things []any) *Holdings {
	h := &Holdings{all: make([]holding, len(things))}
	h.life, h.end = context.WithCancel(context.Background())
	for i, of := range things {
		h.all[i].of, h.all[i].in, h.all[i].turn = of, h, make(chan struct{}, 1)
	}
	return h
}

// holding returns what the process has of a Shared.
func (j *Job) holding(of interface{ index() int }) *holding {
	if i := of.index(); j.Holdings != nil && uint(i) < uint(len(j.Holdings.all)) && j.Holdings.all[i].of == of {
		return &j.Holdings.all[i]
	}
	panic(errForeignShared)
}

func (s *Shared[T]) index() int {
	if s == nil {
		return -1
	}
	return s.number
}

var errForeignShared = fault.New(fault.User, "a Shared of another pipeline, or of none, is used: NewShared makes one for the pipeline at hand")

// get opens the thing unless somebody else does so first.
func (h *holding) get(ctx *Context, open func(context.Context) (any, func() error, error)) (any, error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.turn }()
	if v := h.value.Load(); v != nil {
		return *v, nil
	}
	// What is opened outlives the attempt, but opening does not: the next who asks
	// opens it again.
	life, stop := context.WithCancelCause(h.in.life)
	detach := context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })
	v, closing, err := open(life)
	if !detach() && err == nil {
		err = errors.Join(ctx.Err(), closing())
	}
	if err == nil && !h.in.keep(closing) {
		err = errors.Join(errEnding, closing())
	}
	if err != nil {
		stop(err)
		return nil, err
	}
	h.value.Store(&v)
	return v, nil
}

var errEnding = fault.New(fault.Lost, "the process ends its work for the job")

// keep notes what closes a thing, unless the holdings are closed.
func (h *Holdings) keep(closing func() error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.opened = append(h.opened, closing)
	return true
}

// Close closes what is open, the last that was opened first, each by way of
// protect. Nothing may be opened afterwards.
func (h *Holdings) Close(protect func(func() error) error) error {
	h.mu.Lock()
	opened := h.opened
	h.opened, h.closed = nil, true
	h.mu.Unlock()
	var errs []error
	for i := len(opened) - 1; i >= 0; i-- {
		errs = append(errs, protect(opened[i]))
	}
	h.end()
	return errors.Join(errs...)
}

// Empty reports whether nothing is open.
func (h *Holdings) Empty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.opened) == 0
}

// ofNoRow is an error that says nothing about the row at hand.
type ofNoRow struct{ error }

func (e *ofNoRow) Unwrap() error { return e.error }

// OfNoRow reports whether an error has nothing to do with the rows on which user
// code worked when it came.
func OfNoRow(err error) bool {
	_, ok := errors.AsType[*ofNoRow](err)
	return ok
}
