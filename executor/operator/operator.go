// Package operator holds the physical operators: what runs between the reader
// of a split or partition and the writer of an exchange or sink. Rows are
// pushed through a stage in chunks, from one Receiver to the next, so that
// between two exchanges a row costs the user's function and nothing else: no
// interface call, reflection, lock or allocation. An operator knows nothing of
// the network, of other tasks, or of where it runs. Operators are made by the
// SDK with their Go types known, carried through the graph untyped, and
// attached to each other again by package task, once for every attempt.
package operator

import (
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
	"github.com/sheafdata/sheaf/shuffle"
)

// Receiver takes rows in chunks. Push borrows the slice until it returns;
// strings and slices inside rows may be kept. Close comes once, after the last
// Push, and not after an error. Calls never overlap.
type Receiver[T any] interface {
	Push(rows []T) error
	Close() error
}

// BatchReceiver takes batches. A batch belongs to the garbage collector and may
// be kept. Close and errors are as with Receiver.
type BatchReceiver interface {
	PushBatch(rec arrow.Record) error
	Close() error
}

// Form says in which shape an operator takes or gives rows.
type Form uint8

const (
	// Rows are slices of the row's Go type.
	Rows Form = iota
	// Batches are Arrow record batches.
	Batches
)

// Fused is the implementation of a node that runs inside a stage. Attach
// returns its receiver, which feeds out: a Receiver or a BatchReceiver, by form.
type Fused struct {
	In, Out Form
	Edge    *Edge // of what it gives
	Attach  func(t *Task, out any) any
}

// Input is the implementation of a source node; its rows come as batches.
type Input struct {
	Source graph.Source
	Edge   *Edge
}

// Exchange is the implementation of an exchange node. It takes and gives rows.
type Exchange struct {
	Edge *Edge
	// Map returns the receiver of the map side.
	Map func(t *Task, x plan.Exchange) any
	// Reduce reads the task's partition and pushes it into out.
	Reduce func(t *Task, out any) error
	// Beside, where it is set, stands for Map and Reduce when a side of the exchange
	// is broadcast: it returns the receiver that joins the other rows with it as they
	// pass, into out. Open reads the side, before the first row.
	Beside func(t *Task, side *plan.Partition, out any) any
	// Within is a func(Order[T]) *Exchange that returns the exchange whose tasks give
	// their rows in an order; nil where there is none. That of numbered partitions is
	// a range exchange.
	Within any
}

// Output is the implementation of a sink node. It takes rows.
type Output struct {
	// Write returns the receiver that writes the rows.
	Write func(t *Task, sink plan.Sink) any
	// Collected hands the rows of all tasks, in order, to the driver; nil for
	// a sink that writes files.
	Collected func(blocks [][]byte) error
}

// Attach makes the receiver of a fused operator, the node of a number, as part of
// the task.
func (t *Task) Attach(f *Fused, node int, out any) any {
	stage := t.Context
	defer func() { t.Context = stage }()
	t.Context = stage.of(node)
	return f.Attach(t, out)
}

// Task is the place where the operators of one attempt work. One goroutine
// uses it, but for the figures, which others read.
type Task struct {
	Context    *Context
	Shuffle    shuffle.Env
	Assignment *plan.Assignment
	ChunkRows  int // rows a chunk at most
	Stages     map[plan.SinkID]*storage.Stage

	Read    *shuffle.Count // rows and bytes read
	Sides   shuffle.Count  // rows and bytes read of sides that are broadcast
	RowsOut atomic.Int64   // rows written to exchanges and sinks

	// Pieces says that memory decided in which pieces states were merged, so that
	// another run may give sums of floats with other last bits.
	Pieces bool

	// Repeats says that the work is done once more, to be compared: sinks keep nothing.
	Repeats bool

	// HideKeys says that no key may be seen in reports.
	HideKeys bool

	// MakeRoom, when set, makes the operators of the attempt write to disk what
	// they hold in memory. It is called between rows.
	MakeRoom func() error

	Result plan.Result // what the operators have published, staged and collected

	// Cause is an error that the engine met while user code waited for rows: it
	// makes a group end early, so whatever the user code did then, return an
	// error or panic, is not its fault.
	Cause error
}

// Side returns what the task shall read of an exchange that is broadcast to it, or nil.
func (t *Task) Side(x plan.ExchangeID) *plan.Partition {
	for i := range t.Assignment.Sides {
		if s := &t.Assignment.Sides[i]; s.Exchange == x {
			return s
		}
	}
	return nil
}

// keyText returns what makes keys readable in reports; nil where none may be seen.
func (t *Task) keyText(text func(key []byte) string) func(key []byte) string {
	if t.HideKeys {
		return nil
	}
	return text
}

// roomMaker is a receiver that can write to disk what it holds in memory.
type roomMaker interface{ MakeRoom() error }

// MakeRoom makes a receiver free memory, if it can; not during a Push to it.
func MakeRoom(receiver any) error {
	if m, ok := receiver.(roomMaker); ok {
		return m.MakeRoom()
	}
	return nil
}

// Open lets a receiver read what it needs before its first row.
func Open(receiver any) error {
	if o, ok := receiver.(interface{ Open() error }); ok {
		return o.Open()
	}
	return nil
}

// aborter is a receiver that holds what must be freed when its attempt fails.
type aborter interface{ Abort() }

// Abort frees what a receiver holds; it is called instead of Close.
func Abort(receiver any) {
	if a, ok := receiver.(aborter); ok {
		a.Abort()
	}
}
