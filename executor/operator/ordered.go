package operator

import (
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/shuffle"
)

// ordered pushes what read gives into out: as it comes, or, with an order, sorted.
// Rows that the order holds equal keep theirs.
func ordered[T any](t *Task, typ *column.Type, order Order[T], out Receiver[T], read func(out Receiver[T]) error) error {
	if len(order) == 0 {
		return read(out)
	}
	s := &sorting[T]{typ: typ, order: newOrderer(order), sorter: shuffle.NewSorter[T](&t.Shuffle, typ, "sort within")}
	defer s.sorter.Close()
	if err := read(s); err != nil {
		return err
	}
	r := &sortReader[T]{task: t, out: out, rows: newChunk[T](typ, t.ChunkRows), again: true}
	return s.sorter.Read(t.Context, r.run)
}

// sorting is the receiver that puts the rows of a task in order.
type sorting[T any] struct {
	typ    *column.Type
	order  *orderer[T]
	sorter *shuffle.Sorter[T]
}

func (s *sorting[T]) Push(rows []T) error {
	if sizeOf(s.typ, rows) < shuffle.LeastLargeBytes {
		return s.sorter.Write(s.order.keysOf(rows), rows)
	}
	defer s.order.forget()
	for i := range rows {
		keys := s.order.keyOf(rows[i : i+1])
		if err := s.sorter.Write(&keys, rows[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *sorting[T]) Close() error { return nil }
