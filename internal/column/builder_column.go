package column

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// column is one growing column, with its children.
//
// Invariants between calls, with r = rows:
//   - fixed width: len(data) == r*width; Bool: data holds r bits, the rest of
//     the last byte is zero;
//   - String, Bytes, List: offs is empty when r == 0, else len(offs) == r+1
//     and offs[0] == 0; of strings offs[r] == len(data), of lists
//     offs[r] == kids[0].rows;
//   - Struct: every child has r rows;
//   - valid is empty while nulls == 0, else it holds r bits, the rest of the
//     last byte zero; a null row holds zeros, and nulls where a child can.
type column struct {
	typ     *Type // what is stored: never a Pointer
	pointer bool  // the Go value is a pointer to typ
	arrow   arrow.DataType
	path    string
	offset  uintptr // of the value in the row or struct around it
	width   int     // bytes of a value of fixed width, else 0

	rows  int
	nulls int
	valid []byte
	data  []byte
	offs  []int32
	kids  []*column

	dataHint, offsHint int // sizes of the batch taken last, to grow in one step

	// Scratch memory of lists, kept from batch to batch.
	lens   []uint32
	sel    []uint32
	hashes []uint64
}

// maxHint bounds how much memory a builder takes at once because its last
// batch needed it.
const maxHint = 1 << 20

func newColumn(t *Type, path string, offset uintptr) *column {
	c := &column{typ: t.base(), pointer: t.Kind == Pointer, path: path, offset: offset}
	c.arrow = c.typ.arrowType()
	c.width = widths[c.typ.Kind]
	switch c.typ.Kind {
	case Struct:
		for i := range c.typ.Fields {
			f := &c.typ.Fields[i]
			c.kids = append(c.kids, newColumn(f.Type, path+"."+f.Name, f.Offset))
		}
	case List:
		c.kids = []*column{newColumn(c.typ.Elem, path+"[]", 0)}
	}
	return c
}

// widths are the bytes of values of fixed width.
var widths = [...]int{
	Int8: 1, Uint8: 1, Int16: 2, Uint16: 2, Int32: 4, Uint32: 4, Float32: 4,
	Int64: 8, Uint64: 8, Float64: 8, Time: 8, Pointer: 0,
}

func (c *column) nullable() bool { return c.pointer || c.typ.nullable() }

// variable reports whether the column has offsets.
func (c *column) variable() bool {
	return c.typ.Kind == String || c.typ.Kind == Bytes || c.typ.Kind == List
}

func (c *column) bytes() int64 {
	n := int64(len(c.data)) + 4*int64(len(c.offs)) + int64(len(c.valid))
	for _, k := range c.kids {
		n += k.bytes()
	}
	return n
}

func (c *column) capacity() int64 {
	n := int64(cap(c.data)) + 4*int64(cap(c.offs)) + int64(cap(c.valid)) +
		4*int64(cap(c.lens)) + 4*int64(cap(c.sel)) + 8*int64(cap(c.hashes))
	for _, k := range c.kids {
		n += k.capacity()
	}
	return n
}

func (c *column) reset() {
	c.rows, c.nulls = 0, 0
	c.valid, c.data, c.offs = c.valid[:0], c.data[:0], c.offs[:0]
	for _, k := range c.kids {
		k.reset()
	}
}

// truncate drops what was added after the first rows rows, be it only half of
// an append.
func (c *column) truncate(rows int) {
	c.rows = rows
	if c.nulls > 0 {
		c.valid = truncateBits(c.valid, rows)
		if c.nulls = rows - countOnes(c.valid, 0, rows); c.nulls == 0 {
			c.valid = c.valid[:0]
		}
	}
	switch {
	case c.typ.Kind == Bool:
		c.data = truncateBits(c.data, rows)
	case c.width > 0:
		c.data = c.data[:rows*c.width]
	case c.typ.Kind == Struct:
		for _, k := range c.kids {
			k.truncate(rows)
		}
	default:
		c.truncateOffsets(rows)
	}
}

func (c *column) truncateOffsets(rows int) {
	end := 0
	if rows == 0 {
		c.offs = c.offs[:0]
	} else {
		c.offs = c.offs[:rows+1]
		end = int(c.offs[rows])
	}
	if c.typ.Kind == List {
		c.kids[0].truncate(end)
		return
	}
	c.data = c.data[:end]
}

// room reports whether n more bytes of data fit.
func (c *column) room(n int) error {
	if n > MaxColumnBytes-len(c.data) {
		return tooBig(c.path)
	}
	return nil
}

// extend adds n bytes, whatever they hold, to the data and returns them.
// Memory comes in multiples of 64 bytes, which Go aligns to 8 at least.
func (c *column) extend(n int) []byte {
	at := len(c.data)
	if at+n > cap(c.data) {
		data := fresh(roundUp(max(at+n, 2*cap(c.data), c.dataHint)))[:at]
		copy(data, c.data)
		c.data = data
	}
	c.data = c.data[:at+n]
	return c.data[at:]
}

func roundUp(n int) int { return (n + 63) &^ 63 }

// extendOffs adds n offsets, whatever they hold, and returns them together
// with the offset at which the first of their rows begins.
func (c *column) extendOffs(n int) (first int32, added []int32) {
	at := len(c.offs)
	if at == 0 {
		at = 1
	}
	if at+n > cap(c.offs) {
		offs := freshOffs(max(at+n, 2*cap(c.offs), c.offsHint))[:at]
		offs[0] = 0
		copy(offs, c.offs)
		c.offs = offs
	}
	fresh := len(c.offs) == 0
	c.offs = c.offs[:at+n]
	if fresh {
		c.offs[0] = 0
	}
	return c.offs[at-1], c.offs[at:]
}

// markValid counts n more rows that are not null.
func (c *column) markValid(n int) {
	if c.nulls > 0 {
		c.valid = extendBits(c.valid, c.rows, n)
		setOnes(c.valid, c.rows, n)
	}
	c.rows += n
}

// markNull counts n more rows that are null.
func (c *column) markNull(n int) {
	c.needBitmap()
	c.valid = extendBits(c.valid, c.rows, n)
	c.rows += n
	c.nulls += n
}

// needBitmap writes the bitmap of the rows so far, none of which is null yet.
func (c *column) needBitmap() {
	if c.nulls == 0 {
		c.valid = extendBits(c.valid[:0], 0, c.rows)
		setOnes(c.valid, 0, c.rows)
	}
}

// take returns the column as Arrow data and forgets its memory.
func (c *column) take() arrow.ArrayData {
	var children []arrow.ArrayData
	for _, k := range c.kids {
		children = append(children, k.take())
	}
	buffers := []*memory.Buffer{nil}
	if c.nulls > 0 {
		buffers[0] = memory.NewBufferBytes(c.valid)
	}
	if c.variable() {
		if len(c.offs) == 0 {
			c.offs = make([]int32, 1)
		}
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.offs)))
	}
	if c.typ.Kind != Struct && c.typ.Kind != List {
		buffers = append(buffers, memory.NewBufferBytes(c.data))
	}
	data := array.NewData(c.arrow, c.rows, buffers, children, c.nulls, 0)
	c.dataHint, c.offsHint = min(len(c.data), maxHint), min(len(c.offs), maxHint/4)
	c.rows, c.nulls = 0, 0
	c.valid, c.data, c.offs = nil, nil, nil
	return data
}
