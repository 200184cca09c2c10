package column

import (
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// The constants of row hashes. They are part of what machines must agree on:
// every process must find the same partition for a row, so neither they nor
// the steps below may change without a new version of the shuffle. They are
// odd, with about half of their bits set; the first three come from the golden
// ratio and from the constants of xxHash64.
const (
	hashValue = 0x9e3779b97f4a7c15 // spreads a value
	hashStep  = 0xc2b2ae3d27d4eb4f // joins it to the columns before
	hashEnd   = 0x165667b19e3779f9 // spreads what the last columns left
	hashRow   = 0x27d4eb2f165667c5 // a row begins with it
	hashElem  = 0x85ebca77c2b2ae63 // an element of a list begins with it
	hashNull  = 0xd6e8feb86659fd93 // marks a null
)

// mix joins the value v to the hash h. It is a bijection of either argument
// when the other is fixed: keys of one number never collide.
func mix(h, v uint64) uint64 {
	v *= hashValue
	v ^= v >> 32
	return (bits.RotateLeft64(h, 29) ^ v) * hashStep
}

// finish makes every bit depend on every column.
func finish(h uint64) uint64 {
	h ^= h >> 32
	h *= hashEnd
	return h ^ h>>29
}

// HashRows appends one hash for each row held. Equal rows have equal hashes on
// every machine, whatever else is in the batch: seeds are fixed. Nulls, the
// ends of strings and lists, and the order of columns count; floats that Go
// calls equal (0 and -0) and all NaNs hash alike.
func (b *Builder) HashRows(dst []uint64) []uint64 {
	at := len(dst)
	dst = slices.Grow(dst, b.rows)[:at+b.rows]
	h := dst[at:]
	for i := range h {
		h[i] = hashRow
	}
	for _, c := range b.cols {
		c.hash(h)
	}
	for i := range h {
		h[i] = finish(h[i])
	}
	return dst
}

// hash joins the values of all rows to h.
func (c *column) hash(h []uint64) {
	switch c.typ.Kind {
	case Bool:
		for i := range h {
			h[i] = mix(h[i], uint64(c.data[i>>3]>>(i&7)&1))
		}
	case String, Bytes:
		c.hashStrings(h)
	case List:
		c.hashLists(h)
	case Struct:
		for _, k := range c.kids {
			k.hash(h)
		}
	case Float32:
		for i, v := range values[float32](c.data, len(h)) {
			h[i] = mix(h[i], uint64(math.Float32bits(canonical(v))))
		}
	case Float64:
		for i, v := range values[float64](c.data, len(h)) {
			h[i] = mix(h[i], math.Float64bits(canonical(v)))
		}
	default:
		c.hashInts(h)
	}
	if c.nulls > 0 {
		// A null row holds zeros, so what was joined above is always the same.
		for i := range h {
			if !bit(c.valid, i) {
				h[i] = mix(h[i], hashNull)
			}
		}
	}
}

// canonical returns one value for all that count as equal.
func canonical[F float32 | float64](v F) F {
	switch {
	case v == 0:
		return 0 // -0 too
	case v != v:
		return F(math.NaN())
	}
	return v
}

func (c *column) hashInts(h []uint64) {
	switch c.width {
	case 1:
		hashWords[uint8](h, c.data)
	case 2:
		hashWords[uint16](h, c.data)
	case 4:
		hashWords[uint32](h, c.data)
	default:
		hashWords[uint64](h, c.data)
	}
}

func hashWords[V uint8 | uint16 | uint32 | uint64](h []uint64, data []byte) {
	for i, v := range values[V](data, len(h)) {
		h[i] = mix(h[i], uint64(v))
	}
}

func (c *column) hashStrings(h []uint64) {
	if len(h) == 0 {
		return
	}
	all := unsafe.String(unsafe.SliceData(c.data), len(c.data))
	from := c.offs[0]
	for i, end := range c.offs[1:] {
		h[i] = mix(h[i], xxh3.HashString(all[from:end]))
		from = end
	}
}

// hashLists hashes every element on its own and joins, for each row, the
// length and then the elements in order.
func (c *column) hashLists(h []uint64) {
	if len(h) == 0 {
		return
	}
	elem := c.kids[0]
	c.hashes = slices.Grow(c.hashes[:0], elem.rows)[:elem.rows]
	for i := range c.hashes {
		c.hashes[i] = hashElem
	}
	elem.hash(c.hashes)
	from := c.offs[0]
	for i, end := range c.offs[1:] {
		sum := mix(hashElem, uint64(end-from))
		for _, e := range c.hashes[from:end] {
			sum = mix(sum, e)
		}
		h[i] = mix(h[i], sum)
		from = end
	}
}
