package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

const (
	// chunkBytes is about how many bytes of rows operators pass on at once. Rows
	// alone are no bound: some thousand of a megabyte each are more than a
	// budget of any size that jobs run with.
	chunkBytes = 1 << 20
	// unseenRows is how many rows are collected at most before they are
	// measured: those that suddenly are large cost that many times their size.
	unseenRows = 32
)

// chunk collects rows until they are many or large.
type chunk[T any] struct {
	typ   *column.Type // of T
	rows  []T
	seen  int   // rows that are measured
	check int   // at how many rows to measure again
	bytes int64 // of the rows measured
}

func newChunk[T any](typ *column.Type, rows int) chunk[T] {
	return chunk[T]{typ: typ, rows: make([]T, 0, rows), check: 1}
}

// add appends a row and reports whether the chunk is full.
func (c *chunk[T]) add(row T) bool {
	c.rows = append(c.rows, row)
	return len(c.rows) == c.check && c.measure()
}

// measure adds up what came since it last did, and reports whether the chunk is
// full.
func (c *chunk[T]) measure() bool {
	n := len(c.rows)
	c.bytes += sizeOf(c.typ, c.rows[c.seen:])
	c.seen = n
	if n == cap(c.rows) || c.bytes >= chunkBytes {
		return true
	}
	next, left := unseenRows, chunkBytes-c.bytes
	if c.bytes*unseenRows > left*int64(n) {
		next = int(max(left*int64(n)/c.bytes, 1)) // as large as those at hand
	}
	c.check = min(n+next, cap(c.rows))
	return false
}

// reset forgets the rows.
func (c *chunk[T]) reset() {
	if c.bytes >= chunkBytes {
		clear(c.rows) // or they would be kept until as many others came
	}
	c.rows, c.seen, c.check, c.bytes = c.rows[:0], 0, 1, 0
}

// sizeOf is what rows of typ take with all that they point to.
func sizeOf[T any](typ *column.Type, rows []T) int64 {
	return typ.SizeRows(unsafe.Pointer(unsafe.SliceData(rows)), unsafe.Sizeof(*new(T)), len(rows))
}
