package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Sort returns the range exchange that puts all rows in order: task i of the
// reduce side gives rows that come before those of task i+1. Rows that the
// order holds equal keep their (map task, position) order.
func Sort[T any](typ *column.Type, edge *Edge, order Order[T]) *Exchange {
	return &Exchange{
		Edge: edge,
		Map: func(t *Task, x plan.Exchange) any {
			w, o := shuffle.NewSortWriter[T](&t.Shuffle, x.ID, typ), newOrderer(order)
			w.WeighKeys(t.keyText(o.text))
			return &sortWriter[T]{task: t, typ: typ, order: o, writer: w}
		},
		Reduce: func(t *Task, out any) error {
			r := &sortReader[T]{task: t, out: out.(Receiver[T]), rows: newChunk[T](typ, t.ChunkRows)}
			return shuffle.ReadSorted(t.Context, &t.Shuffle, t.Assignment.Partition, typ, t.Read, r.run)
		},
	}
}

type sortWriter[T any] struct {
	task   *Task
	typ    *column.Type
	order  *orderer[T]
	writer mapWriter
}

func (w *sortWriter[T]) Push(rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	w.task.RowsOut.Add(int64(len(rows)))
	if sizeOf(w.typ, rows) >= shuffle.LeastLargeBytes {
		return w.pushLarge(rows)
	}
	return w.writer.Write(w.order.keysOf(rows), unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

// pushLarge writes rows one by one, with keys that are not copied if that can be.
func (w *sortWriter[T]) pushLarge(rows []T) error {
	defer w.order.forget()
	for i := range rows {
		keys := w.order.keyOf(rows[i : i+1])
		if err := w.writer.Write(&keys, unsafe.Pointer(&rows[i]), unsafe.Sizeof(rows[i]), 1); err != nil {
			return err
		}
	}
	return nil
}

func (w *sortWriter[T]) Close() error { return w.task.publish(w.writer) }

func (w *sortWriter[T]) MakeRoom() error { return w.writer.Spill() }

func (w *sortWriter[T]) Abort() { w.writer.Abort() }

type sortReader[T any] struct {
	task *Task
	out  Receiver[T]
	rows chunk[T]
	// again says that the rows were read, and counted, before they were sorted.
	again bool
}

func (r *sortReader[T]) run(m *shuffle.Merge[T]) error {
	for m.Next() {
		if m.Large() {
			if err := r.pushLarge(m); err != nil {
				return err
			}
		} else if r.rows.add(*m.Row()) {
			if err := r.push(); err != nil {
				return err
			}
		}
	}
	if err := m.Err(); err != nil {
		return err
	}
	return r.push()
}

// pushLarge pushes a large row alone: others are neither kept beside it nor it
// until others have come.
func (r *sortReader[T]) pushLarge(m *shuffle.Merge[T]) error {
	if err := r.push(); err != nil {
		return err
	}
	if !m.Load() {
		return m.Err()
	}
	r.rows.add(*m.Row())
	return r.push()
}

func (r *sortReader[T]) push() error {
	if err := r.task.Context.Err(); err != nil {
		return err
	}
	if !r.again {
		r.task.Read.Rows.Add(int64(len(r.rows.rows)))
	}
	err := r.out.Push(r.rows.rows)
	r.rows.reset()
	return err
}
