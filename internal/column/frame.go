package column

import (
	"slices"
	"unsafe"
)

// A frame is the rows of one block: a version byte, then the columns, depth
// first. A column is a header byte, the validity bitmap if the header says so,
// and a body that depends on the type. docs/format/frame.md has the layout.
const frameVersion = 1

// The header byte of a column.
const (
	headerWidth    = 0x0f // bytes of a stored number or length: 0, 1, 2, 4 or 8
	headerValidity = 0x10 // a bitmap of the rows that are not null follows
)

// selection is the rows of a column to encode.
type selection struct {
	all bool
	sel []uint32 // unless all
	n   int
}

// AppendFrame appends a frame of the rows that sel names, in that order, to
// dst; a nil sel means all rows, an empty one none. A row may be named more
// than once. The frame holds neither the schema nor the number of rows:
// DecodeFrame needs both.
func (b *Builder) AppendFrame(dst []byte, sel []uint32) []byte {
	s := selection{all: sel == nil, sel: sel, n: len(sel)}
	if s.all {
		s.n = b.rows
	}
	dst = append(dst, frameVersion)
	for _, c := range b.cols {
		dst = c.encode(dst, s, false)
	}
	return dst
}

// encode appends the column's part of a frame. Dense says that the column is
// under a list: then every row must take space in the frame, so that a reader
// can bound what it allocates by the length of the frame.
func (c *column) encode(dst []byte, s selection, dense bool) []byte {
	at := len(dst)
	dst = append(dst, 0)
	dst, flags := c.encodeValidity(dst, s, dense)
	width := 0
	switch c.typ.Kind {
	case Bool:
		dst = encodeBits(dst, c.data, s)
	case Float32:
		dst, width = pack(dst, values[uint32](c.data, c.rows), s, 4, 0), 4
	case Float64:
		dst, width = pack(dst, values[uint64](c.data, c.rows), s, 8, 0), 8
	case String, Bytes:
		dst, width = c.encodeLengths(dst, s, dense)
		dst = c.encodeText(dst, s)
	case List:
		dst, width = c.encodeLengths(dst, s, dense)
		dst = c.kids[0].encode(dst, c.elements(s), true)
	case Struct:
		for _, k := range c.kids {
			dst = k.encode(dst, s, dense)
		}
	default:
		dst, width = c.encodeInts(dst, s, dense)
	}
	dst[at] = flags | byte(width)
	return dst
}

func (c *column) encodeValidity(dst []byte, s selection, dense bool) ([]byte, byte) {
	switch {
	case c.nulls > 0:
		at := len(dst)
		dst = encodeBits(dst, c.valid, s)
		if dense || countOnes(dst[at:], 0, s.n) < s.n {
			return dst, headerValidity
		}
		return dst[:at], 0
	case dense && c.nullable():
		at := len(dst)
		dst = extendBits(dst, at*8, s.n)
		setOnes(dst, at*8, s.n)
		return dst, headerValidity
	}
	return dst, 0
}

func encodeBits(dst, src []byte, s selection) []byte {
	if s.all {
		return append(dst, src[:bitmapBytes(s.n)]...)
	}
	return gatherBits(dst, src, s.sel)
}

func (c *column) encodeInts(dst []byte, s selection, dense bool) ([]byte, int) {
	switch c.typ.Kind {
	case Int8:
		return encodeInts(dst, values[int8](c.data, c.rows), s, dense)
	case Int16:
		return encodeInts(dst, values[int16](c.data, c.rows), s, dense)
	case Int32:
		return encodeInts(dst, values[int32](c.data, c.rows), s, dense)
	case Uint8:
		return encodeInts(dst, values[uint8](c.data, c.rows), s, dense)
	case Uint16:
		return encodeInts(dst, values[uint16](c.data, c.rows), s, dense)
	case Uint32:
		return encodeInts(dst, values[uint32](c.data, c.rows), s, dense)
	case Uint64:
		return encodeInts(dst, values[uint64](c.data, c.rows), s, dense)
	}
	return encodeInts(dst, values[int64](c.data, c.rows), s, dense)
}

// encodeInts appends the least value and what the others are above it, at the
// least width; or the values as they are where that is no longer.
func encodeInts[V integer](dst []byte, src []V, s selection, dense bool) ([]byte, int) {
	full := int(unsafe.Sizeof(*new(V)))
	if s.n == 0 {
		return dst, full
	}
	lo, hi := bounds(src, s)
	width := leastWidth(uint64(hi) - uint64(lo))
	if dense {
		width = max(width, 1)
	}
	if full+width*s.n >= full*s.n {
		return pack(dst, src, s, full, 0), full
	}
	for i := range full {
		dst = append(dst, byte(uint64(lo)>>(8*i)))
	}
	return pack(dst, src, s, width, uint64(lo)), width
}

func leastWidth(v uint64) int {
	switch {
	case v == 0:
		return 0
	case v < 1<<8:
		return 1
	case v < 1<<16:
		return 2
	case v < 1<<32:
		return 4
	}
	return 8
}

// encodeLengths appends the length of every string or list, or one for all.
func (c *column) encodeLengths(dst []byte, s selection, dense bool) ([]byte, int) {
	if s.n == 0 {
		return dst, 1
	}
	c.lens = slices.Grow(c.lens[:0], s.n)[:s.n]
	lens := c.lens
	var all, other uint32 // the bits of all lengths; those in which some differ
	if s.all {
		offs := c.offs[:len(lens)+1]
		for i := range lens {
			n := uint32(offs[i+1] - offs[i])
			lens[i] = n
			all |= n
			other |= n ^ lens[0]
		}
	} else {
		for i, r := range s.sel {
			n := uint32(c.offs[r+1] - c.offs[r])
			lens[i] = n
			all |= n
			other |= n ^ lens[0]
		}
	}
	width := max(leastWidth(uint64(all)), 1)
	if other == 0 && !dense && width*s.n > 4 {
		return append(dst, byte(all), byte(all>>8), byte(all>>16), byte(all>>24)), 0
	}
	whole := selection{all: true, n: s.n}
	return pack(dst, c.lens, whole, width, 0), width
}

func (c *column) encodeText(dst []byte, s selection) []byte {
	if s.all {
		return append(dst, c.data...)
	}
	total := 0
	for _, n := range c.lens[:s.n] {
		total += int(n)
	}
	at := len(dst)
	dst = slices.Grow(dst, total)[:at+total]
	for group := range slices.Chunk(s.sel, prefetchRows) {
		prefetchSpans(c.data, c.offs, group)
		for _, r := range group {
			at += copy(dst[at:], c.data[c.offs[r]:c.offs[r+1]])
		}
	}
	return dst
}

// prefetchRows is how many rows are asked for at once: about as many misses as
// a core keeps open, and few enough that none is evicted before its turn.
const prefetchRows = 32

// elements selects the elements of the selected lists.
func (c *column) elements(s selection) selection {
	if s.all {
		return selection{all: true, n: c.kids[0].rows}
	}
	c.sel = c.sel[:0]
	for _, r := range s.sel {
		for e := c.offs[r]; e < c.offs[r+1]; e++ {
			c.sel = append(c.sel, uint32(e))
		}
	}
	return selection{sel: c.sel, n: len(c.sel)}
}
