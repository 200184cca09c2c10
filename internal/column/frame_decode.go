package column

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/fault"
)

// DecodeFrame returns the rows of a frame that Builder.AppendFrame wrote for
// type t; rows is how many they are. Any difference between the frame and what
// t and rows demand is an error of kind fault.Corrupt that names the column.
// It allocates at most about eight times the frame's length and, for each
// column outside of lists, eight bytes a row. The batch views the frame where
// it can: the frame must not be changed afterwards, and it lives as long as a
// string of the batch.
func DecodeFrame(t *Type, frame []byte, rows int) (arrow.Record, error) {
	if rows < 0 || rows > math.MaxInt32-1 {
		return nil, fault.New(fault.Corrupt, "frame of %d rows", rows)
	}
	if len(frame) == 0 {
		return nil, fault.New(fault.Corrupt, "frame is empty")
	}
	if frame[0] != frameVersion {
		return nil, fault.New(fault.Corrupt, "frame has version %d, want %d", frame[0], frameVersion)
	}
	schema := t.Schema()
	d := frameDecoder{rest: frame[1:]}
	arrays := make([]arrow.Array, schema.NumFields())
	for i := range arrays {
		field := schema.Field(i)
		data, err := d.column(t.column(i), field.Type, rows, false)
		if err != nil {
			return nil, fault.Wrap(fault.Corrupt, fmt.Errorf("frame of %d rows, column %q: %w", rows, field.Name, err))
		}
		arrays[i] = array.MakeFromData(data)
	}
	if len(d.rest) > 0 {
		return nil, fault.New(fault.Corrupt, "frame has %d bytes after its last column", len(d.rest))
	}
	return array.NewRecord(schema, arrays, int64(rows)), nil
}

// column returns the type of column i of a batch.
func (t *Type) column(i int) *Type {
	if t.Kind == Struct {
		return t.Fields[i].Type
	}
	return t
}

// frameDecoder reads columns from the front of rest. Invariant: nothing is
// allocated for bytes that are not there, and under a list (dense) every row
// takes at least one bit.
type frameDecoder struct {
	rest []byte
}

var errShort = errors.New("frame ends within the column")

// next takes n bytes off the front.
func (d *frameDecoder) next(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b, nil
}

// column reads one column of n rows.
func (d *frameDecoder) column(t *Type, dt arrow.DataType, n int, dense bool) (arrow.ArrayData, error) {
	h, err := d.next(1)
	if err != nil {
		return nil, err
	}
	if h[0]&^(headerWidth|headerValidity) != 0 {
		return nil, fmt.Errorf("header %#x has unknown bits", h[0])
	}
	validity, nulls, err := d.validity(t, n, h[0]&headerValidity != 0, dense)
	if err != nil {
		return nil, err
	}
	col := columnData{dt: dt, n: n, nulls: nulls, buffers: append(make([]*memory.Buffer, 0, 3), validity)}
	if err := d.body(&col, t.base(), int(h[0]&headerWidth), dense); err != nil {
		return nil, err
	}
	return array.NewData(dt, n, col.buffers, col.children, nulls, 0), nil
}

// columnData is the parts of an array under construction.
type columnData struct {
	dt       arrow.DataType
	n, nulls int
	buffers  []*memory.Buffer
	children []arrow.ArrayData
}

func (c *columnData) add(b []byte) { c.buffers = append(c.buffers, memory.NewBufferBytes(b)) }

func (d *frameDecoder) validity(t *Type, n int, present, dense bool) (*memory.Buffer, int, error) {
	switch {
	case present && !t.nullable():
		return nil, 0, errors.New("nulls in a column that holds none")
	case !present && dense && t.nullable():
		return nil, 0, errors.New("no validity bitmap under a list")
	case !present:
		return nil, 0, nil
	}
	bits, err := d.bits(n)
	if err != nil {
		return nil, 0, err
	}
	if nulls := n - countOnes(bits, 0, n); nulls > 0 {
		return memory.NewBufferBytes(bits), nulls, nil
	}
	return nil, 0, nil
}

// bits reads a bitmap of n bits.
func (d *frameDecoder) bits(n int) ([]byte, error) {
	b, err := d.next(uint64(bitmapBytes(n)))
	if err != nil {
		return nil, err
	}
	if n&7 != 0 && b[len(b)-1]>>(n&7) != 0 {
		return nil, fmt.Errorf("bitmap of %d bits has more", n)
	}
	return b, nil
}

func (d *frameDecoder) body(c *columnData, t *Type, width int, dense bool) error {
	switch t.Kind {
	case Bool:
		if width != 0 {
			return badWidth(width)
		}
		b, err := d.bits(c.n)
		c.add(b)
		return err
	case String, Bytes:
		total, err := d.lengths(c, width, dense)
		if err != nil {
			return err
		}
		b, err := d.next(total)
		c.add(b)
		return err
	case List:
		return d.list(c, t, width, dense)
	case Struct:
		return d.structure(c, t, width, dense)
	case Float32, Float64:
		if width != widths[t.Kind] {
			return badWidth(width)
		}
	}
	return d.numbers(c, widths[t.Kind], width, dense)
}

func badWidth(width int) error { return fmt.Errorf("width %d is not possible here", width) }

func (d *frameDecoder) structure(c *columnData, t *Type, width int, dense bool) error {
	if width != 0 {
		return badWidth(width)
	}
	st := c.dt.(*arrow.StructType)
	for i := range t.Fields {
		child, err := d.column(t.Fields[i].Type, st.Field(i).Type, c.n, dense)
		if err != nil {
			return fmt.Errorf("field %q: %w", t.Fields[i].Name, err)
		}
		c.children = append(c.children, child)
	}
	return nil
}

func (d *frameDecoder) list(c *columnData, t *Type, width int, dense bool) error {
	total, err := d.lengths(c, width, dense)
	if err != nil {
		return err
	}
	elem, err := d.column(t.Elem, c.dt.(*arrow.ListType).Elem(), int(total), true)
	if err != nil {
		return fmt.Errorf("element: %w", err)
	}
	c.children = []arrow.ArrayData{elem}
	return nil
}

// lengths reads the lengths of c.n strings or lists, adds their offsets to c
// and returns the sum.
func (d *frameDecoder) lengths(c *columnData, width int, dense bool) (uint64, error) {
	var total uint64
	var offs []int32
	switch width {
	case 0:
		b, err := d.next(4)
		if err != nil {
			return 0, err
		}
		if dense {
			return 0, badWidth(width)
		}
		each := uint64(binary.LittleEndian.Uint32(b))
		if total = each * uint64(c.n); total > MaxColumnBytes {
			break
		}
		offs = make([]int32, c.n+1)
		for i := range offs {
			offs[i] = int32(i) * int32(each)
		}
	case 1, 2, 4:
		b, err := d.next(uint64(c.n) * uint64(width))
		if err != nil {
			return 0, err
		}
		offs = make([]int32, c.n+1)
		total = sumLengths(offs[1:], b, width)
	default:
		return 0, badWidth(width)
	}
	if total > MaxColumnBytes {
		return 0, fmt.Errorf("lengths add up to %d, limit %d", total, MaxColumnBytes)
	}
	c.add(arrow.Int32Traits.CastToBytes(offs))
	return total, nil
}

// sumLengths writes the running sum of the lengths in src to offs, which is
// right only if the sum returned fits into an int32.
func sumLengths(offs []int32, src []byte, width int) uint64 {
	var sum uint64
	switch width {
	case 1:
		src = src[:len(offs)]
		for i := range offs {
			sum += uint64(src[i])
			offs[i] = int32(sum)
		}
	case 2:
		for i := range offs {
			sum += uint64(binary.LittleEndian.Uint16(src[2*i:]))
			offs[i] = int32(sum)
		}
	case 4:
		for i := range offs {
			sum += uint64(binary.LittleEndian.Uint32(src[4*i:]))
			offs[i] = int32(sum)
		}
	}
	return sum
}

// numbers reads c.n values of full bytes each, stored in width bytes each.
func (d *frameDecoder) numbers(c *columnData, full, width int, dense bool) error {
	switch {
	case width == full:
		return d.raw(c, full)
	case width > full, width == 0 && dense, width != 0 && width != 1 && width != 2 && width != 4:
		return badWidth(width)
	}
	least, err := d.next(uint64(full))
	if err != nil {
		return err
	}
	b, err := d.next(uint64(c.n) * uint64(width))
	if err != nil {
		return err
	}
	var word [8]byte
	copy(word[:], least)
	base := binary.LittleEndian.Uint64(word[:])
	switch full {
	case 2:
		c.add(widened(c.n, b, width, uint16(base)))
	case 4:
		c.add(widened(c.n, b, width, uint32(base)))
	case 8:
		c.add(widened(c.n, b, width, base))
	case 1: // width is 0
		c.add(widened(c.n, b, width, uint8(base)))
	}
	return nil
}

func widened[V integer](n int, src []byte, width int, base V) []byte {
	out := make([]V, n)
	widen(out, src, width, base)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), n*int(unsafe.Sizeof(base)))
}

// littleEndian says whether this machine stores numbers as frames do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// raw reads values stored as they are, without a copy if they are aligned.
func (d *frameDecoder) raw(c *columnData, full int) error {
	b, err := d.next(uint64(c.n) * uint64(full))
	if err != nil {
		return err
	}
	if full == 1 || littleEndian && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(full) == 0 {
		c.add(b)
		return nil
	}
	switch full {
	case 2:
		c.add(widened(c.n, b, full, uint16(0)))
	case 4:
		c.add(widened(c.n, b, full, uint32(0)))
	default:
		c.add(widened(c.n, b, full, uint64(0)))
	}
	return nil
}
