package column

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Builder turns Go rows into columns that grow until they are taken as a
// batch, encoded as a frame or forgotten. It works column by column, without
// an allocation, an interface call or reflection a row. It copies what it is
// given: rows, strings and slices may change afterwards. It is used by one
// goroutine at a time and needs no closing.
type Builder struct {
	t    *Type
	cols []*column
	rows int
}

// NewBuilder returns an empty builder of rows of t.
func NewBuilder(t *Type) *Builder {
	b := &Builder{t: t}
	if t.Kind != Struct {
		b.cols = []*column{newColumn(t, ValueColumn, 0)}
		return b
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		b.cols = append(b.cols, newColumn(f.Type, f.Name, f.Offset))
	}
	return b
}

// Append adds n values of the builder's Go type, the first at rows, each
// stride bytes after the one before; the memory must be laid out as Go lays
// out that type. After an error the builder holds what it held before. Errors:
// fault.User for a time that nanoseconds in 64 bits cannot hold,
// fault.Resource when a column would pass MaxColumnBytes.
func (b *Builder) Append(rows unsafe.Pointer, stride uintptr, n int) error {
	if n <= 0 {
		return nil
	}
	for _, c := range b.cols {
		if err := c.append(unsafe.Add(rows, c.offset), stride, n); err != nil {
			for _, c := range b.cols {
				c.truncate(b.rows)
			}
			return err
		}
	}
	b.rows += n
	return nil
}

// AppendRows adds rows to b, whose type must be T's; errors are those of
// Builder.Append.
func AppendRows[T any](b *Builder, rows []T) error {
	if t := reflect.TypeFor[T](); t != b.t.Go {
		return fault.New(fault.Internal, "append rows of type %v to columns of type %v", t, b.t.Go)
	}
	return b.Append(unsafe.Pointer(unsafe.SliceData(rows)), unsafe.Sizeof(*new(T)), len(rows))
}

// Rows returns the number of rows held.
func (b *Builder) Rows() int { return b.rows }

// Bytes returns the bytes of column data held: about what the batch that
// Record would return weighs.
func (b *Builder) Bytes() int64 {
	var n int64
	for _, c := range b.cols {
		n += c.bytes()
	}
	return n
}

// Cap returns the bytes of memory held, used or not.
func (b *Builder) Cap() int64 {
	var n int64
	for _, c := range b.cols {
		n += c.capacity()
	}
	return n
}

// Reset forgets all rows and keeps the memory.
func (b *Builder) Reset() {
	for _, c := range b.cols {
		c.reset()
	}
	b.rows = 0
}

// Record returns the rows as a batch of the schema of the builder's type and
// hands the memory over to it: the builder is empty afterwards. The batch is
// garbage collected; releasing it is allowed and not needed.
func (b *Builder) Record() arrow.Record {
	arrays := make([]arrow.Array, len(b.cols))
	for i, c := range b.cols {
		arrays[i] = array.MakeFromData(c.take())
	}
	rec := array.NewRecord(b.t.Schema(), arrays, int64(b.rows))
	b.rows = 0
	return rec
}

// MaxColumnBytes bounds the data of one column of a batch. Arrow's offsets
// hold twice as much; the margin keeps every sum of two lengths in an int32.
const MaxColumnBytes = 1 << 30

func tooBig(path string) error {
	return fault.Wrap(fault.Resource, fmt.Errorf("column %q: the rows of one batch hold more than %d MiB", path, MaxColumnBytes>>20))
}
