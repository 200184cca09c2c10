package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Folding says how all rows of T fold into one state of A, and how that becomes
// the one row of R.
type Folding[T, A, R any] struct {
	State  *column.Type // of A
	Out    *Edge        // of R
	Init   func() A
	Fold   func(state *A, rows []T)
	Merge  func(state *A, other A)
	Finish func(state A) R
}

// Fold returns the gather exchange that gives one row: every map task sends its
// state, and one task merges them in the order of the map tasks. Without a map
// task the row is that of a fresh state.
func Fold[T, A, R any](f Folding[T, A, R]) *Exchange {
	return &Exchange{
		Edge: f.Out,
		Map: func(t *Task, x plan.Exchange) any {
			return &foldWriter[T, A, R]{
				task: t, folding: f, folded: newFolded(t, f.State, f.Init()),
				writer: shuffle.NewHashWriter[A](&t.Shuffle, x.ID, 1, f.State),
			}
		},
		Reduce: func(t *Task, out any) error {
			all := newFolded(t, f.State, f.Init())
			defer all.held.Release()
			err := shuffle.ReadHash(t.Context, &t.Shuffle, t.Assignment.Partition, f.State, t.Read,
				func(_ *column.Keys, states []A) error {
					for i := range states {
						f.Merge(&all.state, states[i])
						all.own()
					}
					return nil
				})
			if err != nil {
				return err
			}
			return out.(Receiver[R]).Push([]R{f.Finish(all.state)})
		},
	}
}

type foldWriter[T, A, R any] struct {
	task    *Task
	folding Folding[T, A, R]
	folded  *folded[A]
	writer  *shuffle.HashWriter[A]
}

func (w *foldWriter[T, A, R]) Push(rows []T) error {
	w.folding.Fold(&w.folded.state, rows)
	w.folded.own()
	return nil
}

func (w *foldWriter[T, A, R]) Close() error {
	var key column.Keys
	key.Add(nil)
	w.task.RowsOut.Add(1)
	if err := w.writer.Write(&key, unsafe.Pointer(&w.folded.state), unsafe.Sizeof(w.folded.state), 1); err != nil {
		return err
	}
	w.folded.held.Release()
	return w.task.publish(w.writer)
}

func (w *foldWriter[T, A, R]) Abort() {
	w.folded.held.Release()
	w.writer.Abort()
}

// folded is a state that owns its memory and stands in the books.
type folded[A any] struct {
	state, before A
	typ           *column.Type
	held          *memory.Reservation
	bytes         int64 // in held
}

func newFolded[A any](t *Task, typ *column.Type, state A) *folded[A] {
	return &folded[A]{state: state, typ: typ, held: t.Shuffle.Budget.Reserve("fold")}
}

// own is called after each change. There is one state and nothing to spill, so
// the budget must give what it takes: others give way.
func (f *folded[A]) own() {
	f.typ.Own(unsafe.Pointer(&f.state), unsafe.Pointer(&f.before))
	f.before = f.state
	size := f.typ.Size(unsafe.Pointer(&f.state))
	if size != f.bytes && !f.held.Set(size) {
		f.held.Must(size - f.bytes)
	}
	f.bytes = size
}

// restart begins anew with a state.
func (f *folded[A]) restart(state A) {
	var none A
	f.state, f.before = state, none
	f.own()
}
