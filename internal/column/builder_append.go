package column

import (
	"math"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
)

// sliceHeader is a slice of any element type, as Go lays it out.
type sliceHeader struct {
	ptr unsafe.Pointer
	len int
	cap int
}

// append adds n Go values, the first at p, each stride bytes after the one
// before. After an error the column must be truncated.
func (c *column) append(p unsafe.Pointer, stride uintptr, n int) error {
	if c.pointer {
		return c.appendPointers(p, stride, n)
	}
	return c.appendValues(p, stride, n)
}

// appendValues is append for values that are not behind a pointer.
func (c *column) appendValues(p unsafe.Pointer, stride uintptr, n int) error {
	switch c.typ.Kind {
	case String:
		return c.appendStrings(p, stride, n)
	case Bytes:
		return c.appendBytes(p, stride, n)
	case List:
		return c.appendLists(p, stride, n)
	case Struct:
		for _, k := range c.kids {
			if err := k.append(unsafe.Add(p, k.offset), stride, n); err != nil {
				return err
			}
		}
		c.markValid(n)
		return nil
	case Bool:
		if err := c.room(bitmapBytes(n)); err != nil {
			return err
		}
		c.data = extendBits(c.data, c.rows, n)
		packBools(c.data, c.rows, p, stride, n)
		c.markValid(n)
		return nil
	}
	return c.appendFixed(p, stride, n)
}

func (c *column) appendFixed(p unsafe.Pointer, stride uintptr, n int) error {
	if err := c.room(n * c.width); err != nil {
		return err
	}
	dst := c.extend(n * c.width)
	switch {
	case c.typ.Kind == Time:
		if i := loadTimes(dst, p, stride, n); i < n {
			return c.timeError(*(*time.Time)(unsafe.Add(p, uintptr(i)*stride)))
		}
	case c.width == 1:
		load[uint8](dst, p, stride, n)
	case c.width == 2:
		load[uint16](dst, p, stride, n)
	case c.width == 4:
		load[uint32](dst, p, stride, n)
	default:
		load[uint64](dst, p, stride, n)
	}
	c.markValid(n)
	return nil
}

// values views n values of fixed width in b, which must be aligned for V.
func values[V any](b []byte, n int) []V {
	return unsafe.Slice((*V)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// load copies n values to dst. The offset, not the pointer, is advanced: a
// pointer behind the last row might point into another object.
func load[V any](dst []byte, p unsafe.Pointer, stride uintptr, n int) {
	off := uintptr(0)
	out := values[V](dst, n)
	for i := range out {
		out[i] = *(*V)(unsafe.Add(p, off))
		off += stride
	}
}

// packBools writes n bools to the bitmap dst from bit at on; those bits are zero.
func packBools(dst []byte, at int, p unsafe.Pointer, stride uintptr, n int) {
	load := func(i int) byte { return *(*byte)(unsafe.Add(p, uintptr(i)*stride)) & 1 }
	i := 0
	for ; i < n && (at+i)&7 != 0; i++ {
		dst[(at+i)>>3] |= load(i) << ((at + i) & 7)
	}
	for ; i+8 <= n; i += 8 {
		dst[(at+i)>>3] = load(i) | load(i+1)<<1 | load(i+2)<<2 | load(i+3)<<3 |
			load(i+4)<<4 | load(i+5)<<5 | load(i+6)<<6 | load(i+7)<<7
	}
	for ; i < n; i++ {
		dst[(at+i)>>3] |= load(i) << ((at + i) & 7)
	}
}

// zeroTime stands for time.Time{} in a column.
const zeroTime = math.MinInt64

// The seconds and nanoseconds since 1970 between which an int64 of nanoseconds
// holds a time: MinInt64 itself, which stands for the zero time, is outside.
const (
	minTimeSec, minTimeNano = -9223372037, 145224193
	maxTimeSec, maxTimeNano = 9223372036, 854775807
)

// loadTimes copies times as nanoseconds to dst and returns how many fitted.
func loadTimes(dst []byte, p unsafe.Pointer, stride uintptr, n int) int {
	out := values[int64](dst, n)
	for i := range out {
		t := (*time.Time)(unsafe.Add(p, uintptr(i)*stride))
		sec := t.Unix()
		if sec <= minTimeSec || sec >= maxTimeSec {
			switch {
			case t.IsZero():
				out[i] = zeroTime
				continue
			case sec == minTimeSec && t.Nanosecond() >= minTimeNano:
			case sec == maxTimeSec && t.Nanosecond() <= maxTimeNano:
			default:
				return i
			}
		}
		out[i] = t.UnixNano()
	}
	return n
}

func (c *column) timeError(t time.Time) error {
	return fault.New(fault.User, "column %q: time %v is outside of what a column holds (%v to %v)", c.path,
		t.UTC().Format(time.RFC3339Nano), time.Unix(minTimeSec, minTimeNano).UTC().Format(time.DateOnly), time.Unix(maxTimeSec, maxTimeNano).UTC().Format(time.DateOnly))
}

func (c *column) appendStrings(p unsafe.Pointer, stride uintptr, n int) error {
	total := 0
	for i, off := 0, uintptr(0); i < n; i, off = i+1, off+stride {
		if total += len(*(*string)(unsafe.Add(p, off))); total > MaxColumnBytes {
			return tooBig(c.path)
		}
	}
	if err := c.room(total); err != nil {
		return err
	}
	end, offs := c.extendOffs(n)
	dst := c.extend(total)
	base, at := int(end), 0
	off := uintptr(0)
	for i := range offs {
		at += copy(dst[at:], *(*string)(unsafe.Add(p, off)))
		offs[i] = int32(base + at)
		off += stride
	}
	c.markValid(n)
	return nil
}

func (c *column) appendBytes(p unsafe.Pointer, stride uintptr, n int) error {
	total, nils, err := c.measure(p, stride, n)
	if err != nil {
		return err
	}
	if err := c.room(total); err != nil {
		return err
	}
	end, offs := c.extendOffs(n)
	dst := c.extend(total)
	base, at := int(end), 0
	for i := range offs {
		at += copy(dst[at:], *(*[]byte)(unsafe.Add(p, uintptr(i)*stride)))
		offs[i] = int32(base + at)
	}
	c.markNils(p, stride, n, nils)
	return nil
}

// measure adds up the lengths of n slices and counts those that are nil.
func (c *column) measure(p unsafe.Pointer, stride uintptr, n int) (total, nils int, err error) {
	for i := range n {
		s := (*sliceHeader)(unsafe.Add(p, uintptr(i)*stride))
		if s.ptr == nil {
			nils++
		}
		if total += s.len; total > MaxColumnBytes {
			return 0, 0, tooBig(c.path)
		}
	}
	return total, nils, nil
}

// markNils counts n more rows, of which those are null whose Go value, a slice
// or a pointer, is nil: the first word of either says so.
func (c *column) markNils(p unsafe.Pointer, stride uintptr, n, nils int) {
	switch nils {
	case 0:
		c.markValid(n)
	case n:
		c.markNull(n)
	default:
		c.needBitmap()
		c.valid = extendBits(c.valid, c.rows, n)
		for i := range n {
			if *(*unsafe.Pointer)(unsafe.Add(p, uintptr(i)*stride)) != nil {
				at := c.rows + i
				c.valid[at>>3] |= 1 << (at & 7)
			}
		}
		c.rows += n
		c.nulls += nils
	}
}

func (c *column) appendLists(p unsafe.Pointer, stride uintptr, n int) error {
	total, nils, err := c.measure(p, stride, n)
	if err != nil {
		return err
	}
	elem := c.kids[0]
	if total > MaxColumnBytes-elem.rows {
		return tooBig(c.path)
	}
	size := c.typ.Elem.Go.Size()
	end, offs := c.extendOffs(n)
	for i := range offs {
		s := (*sliceHeader)(unsafe.Add(p, uintptr(i)*stride))
		if s.len > 0 {
			if err := elem.append(s.ptr, size, s.len); err != nil {
				return err
			}
		}
		end += int32(s.len)
		offs[i] = end
	}
	c.markNils(p, stride, n, nils)
	return nil
}

// appendPointers adds what n pointers point to; nil is null. Numbers, the
// usual case, have loops of their own; the rest goes a value at a time.
func (c *column) appendPointers(p unsafe.Pointer, stride uintptr, n int) error {
	if c.width > 0 && c.typ.Kind != Time {
		return c.appendNumbers(p, stride, n)
	}
	for i := range n {
		q := *(*unsafe.Pointer)(unsafe.Add(p, uintptr(i)*stride))
		if q == nil {
			c.appendNulls(1)
		} else if err := c.appendValues(q, 0, 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *column) appendNumbers(p unsafe.Pointer, stride uintptr, n int) error {
	if err := c.room(n * c.width); err != nil {
		return err
	}
	dst := c.extend(n * c.width)
	nils := 0
	switch c.width {
	case 1:
		nils = loadPointees[uint8](dst, p, stride, n)
	case 2:
		nils = loadPointees[uint16](dst, p, stride, n)
	case 4:
		nils = loadPointees[uint32](dst, p, stride, n)
	default:
		nils = loadPointees[uint64](dst, p, stride, n)
	}
	c.markNils(p, stride, n, nils)
	return nil
}

func loadPointees[V any](dst []byte, p unsafe.Pointer, stride uintptr, n int) (nils int) {
	out := values[V](dst, n)
	var zero V
	for i := range out {
		q := *(**V)(unsafe.Add(p, uintptr(i)*stride))
		if q == nil {
			out[i] = zero
			nils++
			continue
		}
		out[i] = *q
	}
	return nils
}

// appendNulls adds n rows that are null, or zero in a column that holds no
// nulls: what stands under a struct that is null.
func (c *column) appendNulls(n int) {
	switch {
	case c.typ.Kind == Bool:
		c.data = extendBits(c.data, c.rows, n)
	case c.width > 0:
		clear(c.extend(n * c.width))
	case c.variable():
		end, offs := c.extendOffs(n)
		for i := range offs {
			offs[i] = end
		}
	default:
		for _, k := range c.kids {
			k.appendNulls(n)
		}
	}
	if c.nullable() {
		c.markNull(n)
		return
	}
	c.markValid(n)
}
