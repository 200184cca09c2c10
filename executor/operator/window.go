package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
)

// window holds some neighbouring rows of a walk over a key, in the books. It cannot
// spill: a window that takes half of the task's budget is an error.
type window[V any] struct {
	verb string
	typ  *column.Type // of V
	flat bool
	owns bool // rows are copied out of the blocks that they came in

	ring  []V // the rows, from first on, around its end
	first int
	len   int
	bytes int64 // that rows point to

	held  *memory.Reservation
	taken int64 // in held
	most  int64
}

const (
	// fewRows of a window may pin the blocks that they came in: copying each row
	// costs more.
	fewRows = 4
	// leastRing is how many rows a window has room for at first.
	leastRing = 16
	// windowShare is the part of a task's budget that a window may take: others of
	// the task give way to it, down to what they need to go on.
	windowShare = 2
)

// newWindow returns a window for up to so many rows, of a verb whose name is for
// messages.
func newWindow[V any](t *Task, verb string, typ *column.Type, rows int) *window[V] {
	return &window[V]{
		verb: verb, typ: typ, flat: typ.Flat(), owns: rows > fewRows,
		held: t.Shuffle.Budget.Reserve("window"), most: max(t.Shuffle.Budget.Limit()/windowShare, chunkBytes),
	}
}

// at is row i, from the first on.
func (w *window[V]) at(i int) *V {
	if i += w.first; i >= len(w.ring) {
		i -= len(w.ring)
	}
	return &w.ring[i]
}

// add adds a row behind the last.
func (w *window[V]) add(row V) error {
	if w.len == len(w.ring) {
		w.grow()
	}
	w.len++
	at := w.at(w.len - 1)
	*at = row
	if !w.flat {
		if w.owns {
			w.typ.Own(unsafe.Pointer(at), nil)
		}
		w.bytes += w.reach(at)
	}
	return w.reserve()
}

// reach is what a row points to.
func (w *window[V]) reach(row *V) int64 {
	return w.typ.Size(unsafe.Pointer(row)) - int64(unsafe.Sizeof(*row))
}

func (w *window[V]) grow() {
	ring := make([]V, max(leastRing, 2*len(w.ring)))
	n := copy(ring, w.ring[w.first:])
	copy(ring[n:], w.ring[:w.first])
	w.ring, w.first = ring, 0
}

func (w *window[V]) ringBytes() int64 { return int64(len(w.ring)) * int64(unsafe.Sizeof(*new(V))) }

// reserve puts what is held in the books: in steps, since they have a lock.
func (w *window[V]) reserve() error {
	size := w.ringBytes() + w.bytes
	if size <= w.taken {
		return nil
	}
	if size > w.most {
		return fault.New(fault.Resource, "%s: %d rows of a key take %s in memory, and %s is what the task may use for them; let it look at fewer rows, or run the job with more memory",
			w.verb, w.len, memory.FormatSize(size), memory.FormatSize(w.most))
	}
	w.take(min(size+size/8, w.most))
	return nil
}

func (w *window[V]) take(bytes int64) {
	if !w.held.Set(bytes) {
		w.held.Must(bytes - w.taken)
	}
	w.taken = bytes
}

// drop forgets row i, which is the first or the last.
func (w *window[V]) drop(i int) {
	at := w.at(i)
	if !w.flat {
		w.bytes -= w.reach(at)
		*at = *new(V)
	}
	if w.len--; i > 0 || w.len == 0 {
		return
	}
	if w.first++; w.first == len(w.ring) {
		w.first = 0
	}
}

// takeFirst returns the first row and forgets it.
func (w *window[V]) takeFirst() V {
	row := *w.at(0)
	w.drop(0)
	return row
}

// reset forgets all rows.
func (w *window[V]) reset() {
	for w.len > 0 {
		w.drop(w.len - 1)
	}
	if len(w.ring) > countRows {
		w.ring, w.first = nil, 0
	}
	if bytes := w.ringBytes(); w.taken > max(bytes, chunkBytes) {
		w.take(bytes)
	}
}

func (w *window[V]) release() {
	w.ring = nil
	w.held.Release()
}
