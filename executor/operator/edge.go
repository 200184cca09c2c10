package operator

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
)

// Edge makes the joints of the edges behind a node whose rows have one Go type:
// conversions between forms, and the forks and joins of a graph that is no
// chain. All take and give Receiver or BatchReceiver values.
type Edge struct {
	typ *column.Type // of the rows

	// Scan turns a receiver of rows into a receiver of batches.
	Scan func(t *Task, out any) any
	// Build turns a receiver of batches into a receiver of rows.
	Build func(t *Task, out any) any
	// Fork gives every chunk to all receivers of rows.
	Fork func(outs []any) any
	// Join lets n edges lead into one receiver of rows: it is closed with the last.
	Join func(out any, n int) any
	// Trace calls around with every Push that goes on to a receiver of rows.
	Trace func(out any, around func(push func() error) error) any
}

// EdgeOf returns the joints of edges with rows of T, whose plan is typ.
func EdgeOf[T any](typ *column.Type) *Edge {
	return &Edge{
		typ: typ,
		Scan: func(t *Task, out any) any {
			return &scanner[T]{ctx: t.Context, typ: typ, out: out.(Receiver[T]), rows: make([]T, t.ChunkRows)}
		},
		Build: func(t *Task, out any) any {
			return &builder[T]{columns: column.NewBuilder(typ), limit: t.ChunkRows, out: out.(BatchReceiver)}
		},
		Fork: func(outs []any) any {
			f := make(fork[T], len(outs))
			for i, o := range outs {
				f[i] = o.(Receiver[T])
			}
			return f
		},
		Join: func(out any, n int) any { return &join[T]{Receiver: out.(Receiver[T]), open: n} },
		Trace: func(out any, around func(push func() error) error) any {
			return &traced[T]{out.(Receiver[T]), around}
		},
	}
}

// scanner makes rows of batches.
type scanner[T any] struct {
	ctx  *Context
	typ  *column.Type
	out  Receiver[T]
	rows []T
}

func (s *scanner[T]) PushBatch(rec arrow.Record) error {
	total := int(rec.NumRows())
	for from := 0; from < total; {
		// User code may take its time for a row: a whole batch is too long to
		// keep somebody waiting who wants the job to stop.
		if err := s.ctx.Err(); err != nil {
			return err
		}
		rows := s.rows[:min(len(s.rows), total-from)]
		if err := column.ScanRows(s.typ, rec, from, rows); err != nil {
			return err
		}
		from += len(rows)
		if err := s.out.Push(rows); err != nil {
			return err
		}
		if total <= unseenRows {
			// Few rows may be large ones, which must not be kept until as many
			// others are there.
			clear(rows)
		}
	}
	return nil
}

func (s *scanner[T]) Close() error { return s.out.Close() }

// builder makes batches of rows. It holds none back, so that every row is
// worked off before the Push that brought it returns: an error is then about a
// row of that Push.
type builder[T any] struct {
	columns *column.Builder
	limit   int
	out     BatchReceiver
}

func (b *builder[T]) Push(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), b.limit)
		if err := column.AppendRows(b.columns, rows[:n]); err != nil {
			return err
		}
		if err := b.out.PushBatch(b.columns.Record()); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (b *builder[T]) Close() error { return b.out.Close() }

// fork gives rows to several receivers: a dataset that is used twice is
// computed once.
type fork[T any] []Receiver[T]

func (f fork[T]) Push(rows []T) error {
	for _, r := range f {
		if err := r.Push(rows); err != nil {
			return err
		}
	}
	return nil
}

func (f fork[T]) Close() error {
	for _, r := range f {
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// join is a receiver that several edges lead into.
type join[T any] struct {
	Receiver[T]
	open int
}

func (j *join[T]) Close() error {
	if j.open--; j.open > 0 {
		return nil
	}
	return j.Receiver.Close()
}

// traced is a receiver whose calls somebody watches.
type traced[T any] struct {
	Receiver[T]
	around func(push func() error) error
}

func (t *traced[T]) Push(rows []T) error {
	return t.around(func() error { return t.Receiver.Push(rows) })
}

// TraceBatches is Edge.Trace for a receiver of batches.
func TraceBatches(out BatchReceiver, around func(push func() error) error) BatchReceiver {
	return &tracedBatches{out, around}
}

type tracedBatches struct {
	BatchReceiver
	around func(push func() error) error
}

func (t *tracedBatches) PushBatch(rec arrow.Record) error {
	return t.around(func() error { return t.BatchReceiver.PushBatch(rec) })
}
