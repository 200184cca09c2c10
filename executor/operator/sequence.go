package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Repartition returns the exchange that spreads rows over tasks and keeps their
// order: task i of the reduce side gives rows that come before those of task i+1.
func Repartition[T any](typ *column.Type, edge *Edge) *Exchange {
	x := repartition[T](typ, edge, nil)
	x.Within = func(order Order[T]) *Exchange { return repartition(typ, edge, order) }
	return x
}

func repartition[T any](typ *column.Type, edge *Edge, within Order[T]) *Exchange {
	return sequenced[T](typ, edge, func(t *Task, p *plan.Partition, _ int64, out any) error {
		return ordered(t, typ, within, out.(Receiver[T]), func(out Receiver[T]) error {
			return readSequence(t, p, typ, out)
		})
	})
}

// ZipWithIndex returns the exchange that gives every row with the number of rows
// before it.
func ZipWithIndex[T any](typ *column.Type, edge *Edge) *Exchange {
	return sequenced[T](typ, edge, func(t *Task, p *plan.Partition, before int64, out any) error {
		return readSequence(t, p, typ, &indexer[T]{next: before, out: out.(Receiver[KV[int64, T]])})
	})
}

// sequenced is an exchange of rows in the order of the input. read gets the task's
// partition and how many rows come before it.
func sequenced[T any](typ *column.Type, edge *Edge, read func(t *Task, p *plan.Partition, before int64, out any) error) *Exchange {
	return &Exchange{
		Edge: edge,
		Map: func(t *Task, x plan.Exchange) any {
			return &sequenceWriter[T]{task: t, writer: shuffle.NewSequenceWriter[T](&t.Shuffle, x.ID, typ)}
		},
		Reduce: func(t *Task, out any) error {
			p, before := t.Assignment.Partition.InSequence()
			return read(t, &p, before, out)
		},
	}
}

// sequenceWriter numbers rows as they come. The order in which a task gives its rows
// is a part of what it gives: the digest of its rows covers these numbers.
type sequenceWriter[T any] struct {
	task   *Task
	keys   column.Keys
	one    []byte
	next   int64
	writer mapWriter
}

func (w *sequenceWriter[T]) Push(rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	w.keys.Reset()
	task := w.task.Shuffle.Attempt.Task
	for range rows {
		w.one = plan.AppendSequenceKey(w.one[:0], task, w.next)
		w.keys.Add(w.one)
		w.next++
	}
	w.task.RowsOut.Add(int64(len(rows)))
	return w.writer.Write(&w.keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

func (w *sequenceWriter[T]) Close() error { return w.task.publish(w.writer) }

func (w *sequenceWriter[T]) MakeRoom() error { return w.writer.Spill() }

func (w *sequenceWriter[T]) Abort() { w.writer.Abort() }

// readSequence pushes the rows of a partition into out.
func readSequence[T any](t *Task, p *plan.Partition, typ *column.Type, out Receiver[T]) error {
	r := &sortReader[T]{task: t, out: out, rows: newChunk[T](typ, t.ChunkRows)}
	return shuffle.ReadSequence(t.Context, &t.Shuffle, p, typ, t.Read, r.run)
}

// indexer gives rows their numbers.
type indexer[T any] struct {
	next int64
	out  Receiver[KV[int64, T]]
	buf  []KV[int64, T]
}

func (x *indexer[T]) Push(rows []T) error {
	x.buf = x.buf[:0]
	for i := range rows {
		x.buf = append(x.buf, KV[int64, T]{Key: x.next, Value: rows[i]})
		x.next++
	}
	err := x.out.Push(x.buf)
	if len(rows) <= unseenRows {
		clear(x.buf) // few rows may be large ones, as in scanner
	}
	return err
}

func (x *indexer[T]) Close() error { return x.out.Close() }
