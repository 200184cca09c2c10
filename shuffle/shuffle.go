// Package shuffle moves rows from one stage to the next. It is the two ends
// that a task sees. The map side writes keyed rows, bucketed by hash or sorted
// by key, into one indexed file an attempt, spilling when its budget is used
// up; the reduce side reads its buckets or its key range out of all map
// outputs, checked and, for sorted ones, merged. What travels is a normalised
// binary key and a payload of columns. The package runs inside the user's
// program and starts no goroutine; files belong to package store, bytes on
// disk to package block, columns to package column.
package shuffle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Source is how the bytes of a map output arrive: by opening a local file or
// by asking the executor that holds it. It is safe for concurrent use.
type Source interface {
	// Open returns the output's bytes for reading at any offset. An output
	// that is not there gives an error of kind Fetch.
	Open(ctx context.Context, out plan.MapOutput) (store.Output, error)
}

// Env is what both ends need from the place where their task runs.
type Env struct {
	Attempt plan.AttemptID
	Store   *store.Store // where map outputs and spill files go
	Source  Source       // where map outputs come from
	Codec   block.Codec
	Budget  *memory.Budget
	Spilled *atomic.Int64 // counts bytes spilled
	// LargeFrom is the size from which a row is large; 0 means a part of the budget.
	LargeFrom int64
	// Enter, when set, is called before memory for a large row is taken, and may
	// wait; Leave when the row is not used any more.
	Enter func(bytes int64) error
	Leave func()
	// Discard makes writers accept rows and keep none: a rehearsal of the
	// pipeline that looks for the row at fault must not publish anything.
	Discard bool
}

// Sizes of the buffers inside. Blocks of a quarter of a megabyte keep merges of
// many inputs cheap and still compress well (64 KiB blocks gave 8 % larger
// files in the codec study, 1 MiB ones 1 % smaller).
const (
	// Small budgets get smaller ones, so that a merge can still be wide.
	blockBytes      = 256 << 10
	leastBlockBytes = 32 << 10
	blockShare      = 256 // of a budget
	// floorBytes is what a writer may hold even when its budget refuses, or
	// floorShare of a small budget: without it a writer beside a table that took
	// everything would spill row by row.
	floorBytes = 1 << 20
	floorShare = 8
	// bufferBytes is the size at which a writer empties its buffer though its
	// budget would give more: a column must stay far below what its 32-bit
	// offsets reach. It is several times the largest split, so that a task with
	// memory enough writes its output once: with 64 MiB a sort of 64 MiB a task
	// spilled and merged all of it again, a quarter of its CPU time.
	bufferBytes = 256 << 20
)

// blockBytes is the size of blocks at which to aim.
func (e *Env) blockBytes() int64 {
	return min(max(e.Budget.Limit()/blockShare, leastBlockBytes), blockBytes)
}

// unreadableError names the map output that an attempt could not read.
type unreadableError struct {
	output plan.OutputID
	err    error
}

// Error implements error.
func (e *unreadableError) Error() string {
	return fmt.Sprintf("read map output %v: %v", e.output, e.err)
}

// Unwrap returns the cause.
func (e *unreadableError) Unwrap() error { return e.err }

// unreadable wraps an error met while reading a map output. Damage stays
// Corrupt; everything else of unknown kind is Fetch.
func unreadable(out plan.OutputID, err error) error {
	if _, ok := errors.AsType[*roomError](err); ok {
		return err
	}
	kind := fault.KindOf(err)
	switch kind {
	case fault.Canceled, fault.Resource, fault.Disk:
		return err
	case fault.Corrupt, fault.Fetch, fault.Unreachable:
	default:
		kind = fault.Fetch
	}
	return &fault.Error{Kind: kind, Err: &unreadableError{out, err}}
}

// Unreadable returns the map outputs that err says could not be read.
func Unreadable(err error) []plan.OutputID {
	if e, ok := errors.AsType[*unreadableError](err); ok {
		return []plan.OutputID{e.output}
	}
	return nil
}
