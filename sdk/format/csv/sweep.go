package csv

import (
	"bytes"
	"math/bits"
	"unsafe"

	"github.com/sheafdata/sheaf/sdk/format"
)

// chunkBlocks is how many blocks of masks are made at once: 4 KiB of text, so
// that text and masks stay in the first-level cache until they are used.
const chunkBlocks = 64

// sweep finds rows by masks of bytes, 64 at a time, as long as they are
// regular: as many fields as there are columns, quotes where quotes belong.
// What is not regular it leaves to walk.
type sweep struct {
	d    *decoder
	data []byte

	// The state before the next block.
	quoted  uint64 // all ones inside quotes
	end     uint64 // 1 behind the end of a field, where one may begin
	closing uint64 // 1 behind a quote that may be the closing one

	newlines int // outside quotes, since the beginning
	rows     int // of the batch, found regular
	before   int // rows of the batch that were there at the beginning
	odd      bool
}

// sweep adds the regular rows at the beginning of data[at:] to the batch, up to
// the end of the last whole one, until the batch is full or an irregular row is
// met. It returns where the next row begins, and whether that one is irregular.
// It may add rows that are not wanted any more.
func (d *decoder) sweep(w format.Window, at int, full func(rows, next int) bool) (next int, odd bool) {
	s := d.scratch
	before := len(s.starts)
	f := sweep{d: d, data: w.Data, quoted: 0, end: 1, rows: before, before: before}
	s.starts = append(s.starts, int32(at-1))
	for pos := at; pos < len(w.Data) && !f.odd && !full(f.rows, int(s.starts[f.rows])+1); {
		pos = f.chunk(pos)
		f.check()
	}
	next = int(s.starts[f.rows]) + 1
	s.truncate(f.rows, d.width)
	return next, f.odd
}

// chunk marks the ends of fields in the next chunk and returns where it ends.
func (f *sweep) chunk(pos int) int {
	s := f.d.scratch
	s.grow(chunkBlocks*blockBytes + 8)
	var tail [blockBytes]byte
	src, n := unsafe.Pointer(unsafe.SliceData(f.data[pos:])), min((len(f.data)-pos)/blockBytes, chunkBlocks)
	if n == 0 {
		// Zeros behind the end are neither commas, quotes nor newlines.
		copy(tail[:], f.data[pos:])
		src, n = unsafe.Pointer(&tail), 1
	}
	masks := s.masks[:n]
	mask(masks, src, f.d.table.comma)
	ends := s.ends[:cap(s.ends)]
	have := len(s.ends)
	quotes := !f.d.table.NoQuotes
	for i := range masks {
		b := &masks[i]
		at := pos + i*blockBytes
		if quotes && b.quotes|f.quoted|f.closing != 0 {
			f.quote(b, at)
		}
		f.end = b.ends >> 63
		f.newlines += bits.OnesCount64(b.newlines)
		have += flatten(unsafe.Pointer(&ends[have]), b.ends, int32(at))
		if f.odd {
			break
		}
	}
	s.ends = ends[:have]
	return pos + n*blockBytes
}

// quote takes from a block what is inside quotes. Where a quote stands that
// does not belong there, the block ends and the row is odd.
func (f *sweep) quote(b *block, at int) {
	if f.d.table.LazyQuotes {
		f.cut(b, bits.TrailingZeros64(b.quotes))
		return
	}
	in := inside(b.quotes) ^ f.quoted
	b.ends &^= in
	b.newlines &^= in
	closing := b.quotes &^ in
	behind := closing<<1 | f.closing
	// A quote opens a field where one begins, or it is the second of two; behind
	// one that closes, the field ends or the second of two stands.
	wrong := b.quotes & in &^ (b.ends<<1 | f.end | behind)
	wrong |= behind &^ (b.ends | b.quotes)
	for ; wrong != 0; wrong &= wrong - 1 {
		if i := bits.TrailingZeros64(wrong); !f.lineEnd(at + i) {
			f.cut(b, i)
			return
		}
	}
	f.quoted = uint64(int64(in) >> 63)
	f.closing = closing >> 63
}

// lineEnd reports whether what is behind a closing quote is "\r\n", or lies
// beyond the data and so belongs to a row that is not whole.
func (f *sweep) lineEnd(at int) bool {
	if at >= len(f.data) {
		return true
	}
	return f.data[at] == '\r' && (at+1 >= len(f.data) || f.data[at+1] == '\n')
}

// cut forgets what a block holds from bit i on.
func (f *sweep) cut(b *block, i int) {
	below := uint64(1)<<i - 1
	b.ends &= below
	b.newlines &= below
	f.odd = true
}

// check finds out which of the rows that now have all their ends are regular.
func (f *sweep) check() {
	s, width := f.d.scratch, f.d.width
	whole := len(s.ends) / width
	regular := f.newlines == whole-f.before
	for i := (f.rows+1)*width - 1; i < whole*width; i += width {
		regular = regular && f.data[s.ends[i]] == '\n'
	}
	if !regular {
		whole = f.firstOdd(whole)
		f.odd = true
	}
	for ; f.rows < whole; f.rows++ {
		end := &s.ends[(f.rows+1)*width-1]
		start, next := s.starts[f.rows], *end
		// The next row begins behind the newline, this one ends before a "\r".
		if next > start+1 && f.data[next-1] == '\r' {
			*end = next - 1
		}
		if f.special(start, *end) {
			f.odd = true
			return
		}
		s.starts = append(s.starts, next)
	}
}

// special reports whether a row is empty, a comment or too long.
func (f *sweep) special(start, end int32) bool {
	if f.d.width == 1 && end == start+1 {
		return true
	}
	if c := f.d.table.comment; c != 0 && f.data[start+1] == c {
		return true
	}
	return int64(end-start-1) > f.d.piece.Options.MaxRowBytes
}

// firstOdd returns the first row from f.rows on that has a newline elsewhere
// than at its end, or none there; the rows before whole have all their ends.
func (f *sweep) firstOdd(whole int) int {
	s, width := f.d.scratch, f.d.width
	for row := f.rows; row < whole; row++ {
		for i, end := range s.ends[row*width : (row+1)*width] {
			if (f.data[end] == '\n') != (i == width-1) {
				return row
			}
		}
	}
	return whole
}

// newlineFrom returns the place of the first newline from at on, or -1.
func newlineFrom(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i
	}
	return -1
}
