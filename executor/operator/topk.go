package operator

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// TopK returns the gather exchange that gives the first k rows of an order, in
// that order; of rows that the order holds equal, those of earlier map tasks
// and positions come first.
func TopK[T any](typ *column.Type, edge *Edge, k int, order Order[T]) *Exchange {
	return topK(typ, edge, k, func(*Task) Order[T] { return order })
}

// topK is TopK by an order that a task makes for its rows.
func topK[T any](typ *column.Type, edge *Edge, k int, order func(t *Task) Order[T]) *Exchange {
	return &Exchange{
		Edge: edge,
		Map: func(t *Task, x plan.Exchange) any {
			return &topWriter[T]{
				task: t, order: newOrderer(order(t)), top: newTop[T](t, k, typ),
				writer: shuffle.NewHashWriter[T](&t.Shuffle, x.ID, 1, typ),
			}
		},
		Reduce: func(t *Task, out any) error {
			top := newTop[T](t, k, typ)
			defer top.release()
			err := shuffle.ReadHash(t.Context, &t.Shuffle, t.Assignment.Partition, typ, t.Read,
				func(keys *column.Keys, rows []T) error { top.add(keys, rows); return nil })
			if err != nil {
				return err
			}
			return top.each(t.ChunkRows, func(_ *column.Keys, rows []T) error { return out.(Receiver[T]).Push(rows) })
		},
	}
}

type topWriter[T any] struct {
	task   *Task
	order  *orderer[T]
	top    *top[T]
	writer *shuffle.HashWriter[T]
}

func (w *topWriter[T]) Push(rows []T) error {
	w.top.add(w.order.keysOf(rows), rows)
	return nil
}

func (w *topWriter[T]) Close() error {
	err := w.top.each(w.task.ChunkRows, func(keys *column.Keys, rows []T) error {
		w.task.RowsOut.Add(int64(len(rows)))
		return w.writer.Write(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
	})
	if err != nil {
		return err
	}
	w.top.release()
	return w.task.publish(w.writer)
}

func (w *topWriter[T]) Abort() {
	w.top.release()
	w.writer.Abort()
}

// top keeps the k first rows it has seen. It collects up to twice as many and
// then sorts, so that a row costs one comparison once the bar is high.
type top[T any] struct {
	k    int
	typ  *column.Type
	rows []topRow[T]
	bar  []byte // key of the k-th row; nil until there are k

	held  *memory.Reservation
	bytes int64 // that keys and what rows point to take
	kept  int64 // what bytes was after the last cut
}

type topRow[T any] struct {
	key   []byte
	row   T
	bytes int64 // that key and what row points to take
}

func newTop[T any](t *Task, k int, typ *column.Type) *top[T] {
	return &top[T]{k: k, typ: typ, held: t.Shuffle.Budget.Reserve("top")}
}

func (t *top[T]) release() {
	t.rows = nil
	t.held.Release()
}

func (t *top[T]) add(keys *column.Keys, rows []T) {
	for i := range rows {
		key := keys.At(i)
		if t.bar != nil && bytes.Compare(key, t.bar) >= 0 {
			continue
		}
		t.rows = append(t.rows, topRow[T]{key: bytes.Clone(key), row: rows[i]})
		// A row that stays must not pin the buffers it came in.
		r := &t.rows[len(t.rows)-1]
		r.bytes = int64(len(key)) + t.typ.Own(unsafe.Pointer(&r.row), nil)
		t.bytes += r.bytes
		// Large rows are not collected by number.
		if n := len(t.rows); n >= 2*t.k+64 || n > t.k && t.bytes >= 2*t.kept+chunkBytes {
			t.cut()
		}
	}
	t.reserve()
}

// reserve tells the budget what is held. The rows cannot be spilled, so it
// must be had: others give way.
func (t *top[T]) reserve() {
	size := t.bytes + int64(cap(t.rows))*int64(unsafe.Sizeof(topRow[T]{}))
	if !t.held.Set(size) {
		t.held.Must(size - t.held.Held())
	}
}

// cut sorts and drops all but the first k.
func (t *top[T]) cut() {
	slices.SortStableFunc(t.rows, func(a, b topRow[T]) int { return bytes.Compare(a.key, b.key) })
	if len(t.rows) >= t.k {
		for _, r := range t.rows[t.k:] {
			t.bytes -= r.bytes
		}
		clear(t.rows[t.k:])
		t.rows = t.rows[:t.k]
		t.bar = t.rows[t.k-1].key
	}
	t.kept = t.bytes
}

// each hands on the rows in order.
func (t *top[T]) each(chunk int, use func(keys *column.Keys, rows []T) error) error {
	t.cut()
	var keys column.Keys
	rows := make([]T, 0, chunk)
	var size int64
	for i, r := range t.rows {
		keys.Add(r.key)
		rows = append(rows, r.row)
		size += r.bytes
		if len(rows) == chunk || size >= chunkBytes || i == len(t.rows)-1 {
			if err := use(&keys, rows); err != nil {
				return err
			}
			keys.Reset()
			rows, size = rows[:0], 0
		}
	}
	return nil
}
