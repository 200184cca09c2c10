package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Parting says which part every row of T goes to.
type Parting[T any] struct {
	Type  *column.Type // of T
	Edge  *Edge        // of T
	Parts int
	// Number returns what appends the number of each row's part, from 0 to Parts-1,
	// for one task.
	Number func() func(dst []int, rows []T) ([]int, error)
	// Apart says that each part is a task's own: see plan.Cut.
	Apart bool
}

// PartByHash sends rows to the part that the hash of their keys names; kt is the type
// of K.
func PartByHash[T, K any](kt *column.KeyType, key func(T) K, parts int) func() func(dst []int, rows []T) ([]int, error) {
	return func() func(dst []int, rows []T) ([]int, error) {
		o := newOrderer(Order[T]{By(kt, key)})
		return func(dst []int, rows []T) ([]int, error) {
			keys := o.keysOf(rows)
			for i := range rows {
				dst = append(dst, column.Bucket(column.HashKey(keys.At(i)), parts))
			}
			return dst, nil
		}
	}
}

// PartBy sends rows to the part that number names for their key. refuse makes the
// error of a number that names none.
func PartBy[T, K any](key func(T) K, number func(K) int, parts int, refuse func(number int) error) func() func(dst []int, rows []T) ([]int, error) {
	return func() func(dst []int, rows []T) ([]int, error) {
		return func(dst []int, rows []T) ([]int, error) {
			for i := range rows {
				n := number(key(rows[i]))
				if n < 0 || n >= parts {
					return nil, userError(refuse(n))
				}
				dst = append(dst, n)
			}
			return dst, nil
		}
	}
}

// PartHashed returns the hash exchange that brings the rows of a part to one task,
// which may get several parts. It reads a map output after the other, and of each a
// part after the other.
func PartHashed[T any](p Parting[T]) *Exchange { return partHashed(p, nil) }

// partHashed is PartHashed that gives the rows that come to a task in an order.
func partHashed[T any](p Parting[T], within Order[T]) *Exchange {
	x := &Exchange{
		Edge: p.Edge,
		Map: func(t *Task, x plan.Exchange) any {
			return &partWriter[T]{
				task: t, typ: p.Type, number: p.Number(),
				writer: shuffle.NewPartWriter[T](&t.Shuffle, x.ID, p.Parts, p.Type),
			}
		},
		Reduce: func(t *Task, out any) error {
			return ordered(t, p.Type, within, out.(Receiver[T]), func(out Receiver[T]) error {
				return shuffle.ReadHash(t.Context, &t.Shuffle, t.Assignment.Partition, p.Type, t.Read,
					func(_ *column.Keys, rows []T) error { return pushChunks(out, rows, t.ChunkRows) })
			})
		},
	}
	if p.Apart {
		x.Within = func(order Order[T]) *Exchange { return partSorted(p, order) }
	} else {
		x.Within = func(order Order[T]) *Exchange { return partHashed(p, order) }
	}
	return x
}

// pushChunks hands on the rows of a block, so many at once at most.
func pushChunks[T any](out Receiver[T], rows []T, most int) error {
	for len(rows) > 0 {
		n := min(len(rows), most)
		if err := out.Push(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// partSorted is the range exchange for parts of which each is a task's own: map
// outputs are sorted by part and, in a part, by an order, so that readers only merge.
func partSorted[T any](p Parting[T], within Order[T]) *Exchange {
	return &Exchange{
		Edge: p.Edge,
		Map: func(t *Task, x plan.Exchange) any {
			w := shuffle.NewSortWriter[T](&t.Shuffle, x.ID, p.Type)
			w.KeepTogether(func([]byte) int { return plan.PartKeyBytes })
			return &partWriter[T]{task: t, typ: p.Type, number: p.Number(), within: newOrderer(within), writer: w}
		},
		Reduce: func(t *Task, out any) error {
			r := &sortReader[T]{task: t, out: out.(Receiver[T]), rows: newChunk[T](p.Type, t.ChunkRows)}
			return shuffle.ReadSorted(t.Context, &t.Shuffle, t.Assignment.Partition, p.Type, t.Read, r.run)
		},
	}
}

// partWriter writes rows with the number of their part, followed by the key of an
// order if there is one.
type partWriter[T any] struct {
	task    *Task
	typ     *column.Type
	number  func(dst []int, rows []T) ([]int, error)
	within  *orderer[T] // nil for none
	numbers []int
	keys    column.Keys
	one     []byte
	writer  mapWriter
}

func (w *partWriter[T]) Push(rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	if sizeOf(w.typ, rows) < shuffle.LeastLargeBytes {
		return w.write(rows)
	}
	// Keys may be as large as their rows: they are neither made for all at once nor kept.
	defer w.forget()
	for i := range rows {
		if err := w.write(rows[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (w *partWriter[T]) write(rows []T) (err error) {
	if w.numbers, err = w.number(w.numbers[:0], rows); err != nil {
		return err
	}
	var terms *column.Keys
	if w.within != nil {
		terms = w.within.keysOf(rows)
	}
	w.keys.Reset()
	for i, n := range w.numbers {
		w.one = plan.AppendPartKey(w.one[:0], n)
		if terms != nil {
			w.one = append(w.one, terms.At(i)...)
		}
		w.keys.Add(w.one)
	}
	w.task.RowsOut.Add(int64(len(rows)))
	return w.writer.Write(&w.keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

// forget lets go of the memory for keys.
func (w *partWriter[T]) forget() {
	w.keys, w.one = column.Keys{}, nil
	if w.within != nil {
		w.within.forget()
		w.within.keys = column.Keys{}
	}
}

func (w *partWriter[T]) Close() error { return w.task.publish(w.writer) }

func (w *partWriter[T]) MakeRoom() error { return w.writer.Spill() }

func (w *partWriter[T]) Abort() { w.writer.Abort() }
