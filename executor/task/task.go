// Package task is the task runtime: it runs one attempt of an assignment
// inside the user's program, in local mode and in a worker process alike. It
// puts the operators of a stage together, drives the reader of a split or
// partition through them, and reports what they published and staged. It is
// the only place that recovers panics of user code. Run starts no goroutine;
// Start starts the one of an attempt, and CloseShared one that it may leave behind.
package task

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
	"github.com/sheafdata/sheaf/shuffle"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// DefaultChunkRows is how many rows operators pass on at once: those of a batch,
// so that none is cut. Chunks of 1,024 cost a tenth more CPU time on rows of six
// fields, though they stay in a nearer cache: a chunk has its price too.
const DefaultChunkRows = graph.DefaultBatchRows

// Runtime runs attempts of one job. It is safe for concurrent use.
type Runtime struct {
	Graph  *graph.Compiled
	Store  *store.Store
	Source shuffle.Source
	// SourceOf, when set, gives the Source of one attempt, whose buffers count
	// in the attempt's budget.
	SourceOf  func(*memory.Budget) shuffle.Source
	Codec     block.Codec
	Overwrite bool // publish over an existing destination
	// Time is that of the job, see operator.Context.Now.
	Time time.Time
	// Shared is what attempts hold in common; Close closes it.
	Shared *operator.Holdings

	// Memory is the budget of all attempts together, MemoryBytes that of one.
	Memory      *memory.Budget
	MemoryBytes int64
	// Large lets attempts have large rows in memory by turns; nil for no bound.
	Large *memory.Gate
	// Read bounds batches; ChunkRows bounds what operators pass on at once.
	// Zero values mean the defaults.
	Read      graph.ReadOptions
	ChunkRows int
	// VerifyPerMillion is how many of a million tasks do their work twice, to see
	// whether it gives the same rows.
	VerifyPerMillion int
	// Mark, when set, is told the rows of a source on which user code works next, and
	// no rows before what is about none: whoever watches the process knows then at
	// which rows it ended. It is called where the job may leave out bad rows.
	Mark func(a *plan.Assignment, rows plan.RowRange) error
}

// largeShare is the part of the budget that large rows may take at once.
const largeShare = 2

// NewGate returns the gate for large rows of a process with a budget, of which
// one attempt has attemptBytes.
func NewGate(budgetBytes, attemptBytes int64) *memory.Gate {
	return memory.NewGate(budgetBytes/largeShare, shuffle.LargeBytes(attemptBytes))
}

// Run runs one attempt to its end and returns what it did. read counts rows
// and bytes while it runs. Errors have a fault kind; those of map outputs that
// could not be read name them (shuffle.Unreadable). When ctx is canceled the
// attempt stops within a chunk of rows.
func (r *Runtime) Run(ctx context.Context, a *plan.Assignment, read *shuffle.Count) (plan.Result, error) {
	switch a.Work {
	case plan.Enumerate:
		return r.enumerate(ctx, a)
	case plan.Run:
		res, err := r.run(ctx, a, read, false)
		if err == nil && r.VerifyPerMillion > 0 {
			if err = r.verify(ctx, a, res.Outputs, read); err != nil {
				r.Store.DropAttempt(a.Attempt)
				return plan.Result{}, err
			}
		}
		return res, err
	case plan.Publish:
		return plan.Result{}, r.publish(a)
	case plan.Discard:
		return plan.Result{}, r.discard(a)
	}
	return plan.Result{}, fault.New(fault.Internal, "attempt %v: unknown work %q", a.Attempt, a.Work)
}

// enumerate lists the splits of a stage's source.
func (r *Runtime) enumerate(ctx context.Context, a *plan.Assignment) (res plan.Result, err error) {
	input, err := r.input(plan.StageID(a.Attempt.Task.Index))
	if err != nil {
		return res, err
	}
	impl, ok := input.Impl.(*operator.Input)
	if !ok {
		return res, fault.New(fault.Internal, "stage %d reads no source", a.Attempt.Task.Index)
	}
	err = protect(func() (err error) {
		res.Splits, err = impl.Source.Enumerate(ctx)
		return err
	})
	return res, err
}

// run applies a stage to its splits or its partition. One that repeats another
// writes to exchanges only.
func (r *Runtime) run(ctx context.Context, a *plan.Assignment, read *shuffle.Count, repeats bool) (plan.Result, error) {
	input, err := r.input(a.Attempt.Task.Stage)
	if err != nil {
		return plan.Result{}, err
	}
	res, bad, err := r.apply(ctx, a, read, input, nil, repeats)
	if bad != nil {
		read.Rows.Store(0)
		read.Bytes.Store(0)
		res, _, err = r.apply(ctx, a, read, input, bad, repeats)
	}
	return res, err
}

// apply applies a stage from its input to its ends. When user code fails on a
// batch and rows may be left out, it returns where that batch begins: with that
// as doubt it leaves out the rows at fault.
func (r *Runtime) apply(ctx context.Context, a *plan.Assignment, read *shuffle.Count, input *graph.Node, doubt *position, repeats bool) (res plan.Result, bad *position, err error) {
	t := r.newTask(ctx, a, read)
	t.Repeats = repeats
	defer t.Shuffle.LeaveLarge()
	var p *pipeline
	ended := false
	// Deferred, because user code may end the goroutine instead of returning.
	defer func() {
		if ended {
			return
		}
		if p != nil {
			p.abort()
		}
		// What one exchange has published is of no use when another failed.
		r.Store.DropAttempt(a.Attempt)
	}()
	err = protect(func() (err error) {
		if p, err = r.assemble(t, input, nil); err != nil {
			return err
		}
		p.quarantine, p.doubt = r.newQuarantine(t, input), doubt
		t.MakeRoom = p.makeRoom
		if err := p.drive(); err != nil {
			return err
		}
		if err := p.close(); err != nil {
			return err
		}
		return p.quarantine.close()
	})
	if err != nil && t.Cause != nil {
		err = t.Cause
	}
	if err != nil {
		if p != nil && p.failed != nil && blamesUser(err) {
			if p.quarantine != nil && doubt == nil {
				return plan.Result{}, &p.failed.at, err
			}
			err = r.locate(t, p, err)
		}
		return plan.Result{}, nil, place(err, input, a)
	}
	ended = true
	f := &t.Result.Figures
	f.RowsIn, f.BytesIn, f.RowsOut = read.Rows.Load(), read.Bytes.Load(), t.RowsOut.Load()
	f.SpilledBytes = t.Shuffle.Spilled.Load()
	f.Counters = t.Context.Counted()
	if input.Role == graph.Input {
		f.SourceRows, f.SourceBytes = f.RowsIn, f.BytesIn
	}
	f.RowsIn, f.BytesIn = f.RowsIn+t.Sides.Rows.Load(), f.BytesIn+t.Sides.Bytes.Load()
	for _, out := range t.Result.Outputs {
		f.ShuffleBytes += out.Bytes
	}
	return t.Result, nil, nil
}

// input returns the node that begins a stage.
func (r *Runtime) input(id plan.StageID) (*graph.Node, error) {
	if id < 0 || int(id) >= len(r.Graph.Inputs) {
		return nil, fault.New(fault.Internal, "the graph has no stage %d", id)
	}
	return r.Graph.Inputs[id], nil
}

// newTask makes the place where an attempt's operators work.
func (r *Runtime) newTask(ctx context.Context, a *plan.Assignment, read *shuffle.Count) *operator.Task {
	budget := r.Memory.Child(a.Attempt.String(), r.MemoryBytes)
	t := &operator.Task{
		Context: operator.NewContext(ctx, a.Attempt, &operator.Job{Counters: len(r.Graph.Plan.Counters), Time: r.Time, Holdings: r.Shared}),
		Shuffle: shuffle.Env{
			Attempt: a.Attempt, Store: r.Store, Source: r.Source, Codec: r.Codec,
			Budget: budget, Spilled: new(atomic.Int64),
		},
		Assignment: a,
		ChunkRows:  r.ChunkRows,
		HideKeys:   r.Graph.HideKeys,
		Stages:     map[plan.SinkID]*storage.Stage{},
		Read:       read,
	}
	if r.Large != nil {
		pass := r.Large.Pass(budget, "large row")
		t.Shuffle.Enter = func(bytes int64) error { return enter(t, pass, bytes) }
		t.Shuffle.Leave = pass.Leave
	}
	if r.SourceOf != nil {
		t.Shuffle.Source = r.SourceOf(t.Shuffle.Budget)
	}
	if t.ChunkRows <= 0 {
		t.ChunkRows = DefaultChunkRows
	}
	for _, s := range r.Graph.Plan.Sinks {
		if s.Destination != "" {
			t.Stages[s.ID] = storage.OpenStage(s.Destination, a.Attempt.Job)
		}
	}
	return t
}

// enter waits until the attempt may have a large row in memory. What its
// operators have collected goes to disk first: it would stand beside the row.
func enter(t *operator.Task, pass *memory.Pass, bytes int64) error {
	if pass.Large(bytes) && !pass.Inside() && t.MakeRoom != nil {
		if err := t.MakeRoom(); err != nil {
			return err
		}
	}
	return pass.Enter(t.Context, bytes)
}
