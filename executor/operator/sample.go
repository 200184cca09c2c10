package operator

import (
	"encoding/binary"
	"math"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Portion gives the rows whose lot lies in [from, to), a part of [0, 1). A row's lot
// is drawn by its content, as a key of type kt, and a seed: it is the same wherever
// the row is met. With to at 1 or above all lots from the first on count.
func Portion[T any](edge *Edge, kt *column.KeyType, seed uint64, from, to float64) *Fused {
	first, end := lot(from), lot(to)
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		var keys column.Keys
		return filtering(edge, func(_ *Context, in []T, sel []int32) (int, error) {
			keysOf(kt, &keys, in)
			n := 0
			for i := range in {
				sel[n] = int32(i)
				// The highest lot belongs to the last portion, whose end it is.
				if l := min(xxh3.HashSeed(keys.At(i), seed), math.MaxUint64-1); l >= first && l < end {
					n++
				}
			}
			if keys.Bytes() > chunkBytes {
				keys = column.Keys{} // of large rows
			}
			return n, nil
		}).Attach(t, out)
	}}
}

// lot is where the part of [0, 1) below a fraction ends among all lots.
func lot(fraction float64) uint64 {
	if fraction >= 1 {
		return math.MaxUint64
	}
	return uint64(fraction * (1 << 64))
}

// SampleN returns the gather exchange that gives k rows, drawn by a seed and where
// they stand: which task has a row, and how many rows it had before.
func SampleN[T any](typ *column.Type, edge *Edge, k int, seed uint64) *Exchange {
	return topK(typ, edge, k, func(t *Task) Order[T] { return drawn[T](t.Shuffle.Attempt.Task, seed) })
}

// drawn orders the rows of a task by lots of their own.
func drawn[T any](task plan.TaskID, seed uint64) Order[T] {
	return Order[T]{{start: func(bool, bool) term[T] {
		var first, next int64 // of the chunk at hand, and of the next
		var place []byte
		return term[T]{
			load: func(rows []T) { first, next = next, next+int64(len(rows)) },
			append: func(dst []byte, i int) []byte {
				place = plan.AppendSequenceKey(place[:0], task, first+int64(i))
				return binary.BigEndian.AppendUint64(dst, xxh3.HashSeed(place, seed))
			},
			forget: func() {},
		}
	}}}
}
