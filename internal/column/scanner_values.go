package column

import (
	"reflect"
	"time"
	"unsafe"
)

// scan copies a section of a column to Go values of type t.
func scan(t *Type, s rows, to target) *nullError {
	switch t.Kind {
	case Pointer:
		return scanPointers(t, s, to)
	case List:
		return scanLists(t, s, to)
	case Bytes:
		scanBytes(s, to)
		return nil
	}
	if err := checkNulls(t, s); err != nil {
		return err
	}
	return scanValues(t, s, to)
}

// checkNulls finds a null that counts: one whose struct is null itself stands
// for nothing.
func checkNulls(t *Type, s rows) *nullError {
	bits, nulls := s.bitmap()
	if nulls == 0 {
		return nil
	}
	for i := range s.n {
		if !bit(bits, s.at+i) && s.outer.valid(i) {
			return &nullError{row: i, typ: t}
		}
	}
	return nil
}

// scanValues is scan for kinds that hold no null, whatever the bitmap says.
func scanValues(t *Type, s rows, to target) *nullError {
	switch t.Kind {
	case String:
		scanStrings(s, to)
	case Bool:
		scanBools(s, to)
	case Time:
		scanTimes(s, to)
	case Struct:
		for i := range t.Fields {
			f := &t.Fields[i]
			if err := scan(f.Type, s.child(i), to.field(f)); err != nil {
				return err.under("." + f.Name)
			}
		}
	default:
		scanNumbers(widths[t.Kind], s, to)
	}
	return nil
}

func scanNumbers(width int, s rows, to target) {
	switch width {
	case 1:
		store(fixed[uint8](s), to)
	case 2:
		store(fixed[uint16](s), to)
	case 4:
		store(fixed[uint32](s), to)
	default:
		store(fixed[uint64](s), to)
	}
}

// fixed views the values of a section of fixed width.
func fixed[V any](s rows) []V {
	b := s.buffer(1)
	return values[V](b, len(b)/int(unsafe.Sizeof(*new(V))))[s.at : s.at+s.n]
}

func store[V any](v []V, to target) {
	off := uintptr(0)
	for i := range v {
		*(*V)(unsafe.Add(to.p, off)) = v[i]
		off += to.stride
	}
}

func scanBools(s rows, to target) {
	bits := s.buffer(1)
	for i := range s.n {
		*(*bool)(to.at(i)) = bit(bits, s.at+i)
	}
}

func scanTimes(s rows, to target) {
	for i, v := range fixed[int64](s) {
		t := (*time.Time)(to.at(i))
		if v == zeroTime {
			*t = time.Time{}
			continue
		}
		*t = time.Unix(0, v).UTC()
	}
}

// offsets views the n+1 offsets of a section of strings or lists.
func (s rows) offsets() []int32 {
	b := s.buffer(1)
	return values[int32](b, len(b)/4)[s.at : s.at+s.n+1]
}

// scanStrings slices the values as one string: Go's bounds checks then catch
// offsets that no array should have, and an empty string at the very end gets
// no pointer behind the buffer.
func scanStrings(s rows, to target) {
	b := s.buffer(2)
	all := unsafe.String(unsafe.SliceData(b), len(b))
	offs := s.offsets()
	from, off := offs[0], uintptr(0)
	for _, end := range offs[1:] {
		*(*string)(unsafe.Add(to.p, off)) = all[from:end]
		from = end
		off += to.stride
	}
}

// scanBytes gives every slice no more capacity than it has bytes, so that
// appending to one cannot write to the next.
func scanBytes(s rows, to target) {
	all := s.buffer(2)
	if all == nil {
		all = []byte{}
	}
	offs := s.offsets()
	from := offs[0]
	for i, end := range offs[1:] {
		*(*[]byte)(to.at(i)) = all[from:end:end]
		from = end
	}
	if bits, nulls := s.bitmap(); nulls > 0 {
		for i := range s.n {
			if !bit(bits, s.at+i) {
				*(*[]byte)(to.at(i)) = nil
			}
		}
	}
}

func scanLists(t *Type, s rows, to target) *nullError {
	offs := s.offsets()
	first, total := int(offs[0]), int(offs[s.n]-offs[0])
	elems := reflect.MakeSlice(t.Go, total, total).UnsafePointer()
	size := t.Elem.Go.Size()
	if total > 0 {
		d := s.data.Children()[0]
		inner := rows{data: d, at: d.Offset() + first, n: total}
		if err := scan(t.Elem, inner, target{elems, size}); err != nil {
			return err.under("[]")
		}
	}
	bits, nulls := s.bitmap()
	from := 0
	for i, end := range offs[1:] {
		end := int(end) - first
		h := sliceHeader{ptr: elems, len: end - from, cap: end - from}
		switch {
		case nulls > 0 && !bit(bits, s.at+i):
			h = sliceHeader{}
		case h.len > 0: // a pointer behind the last element would pin a stranger
			h.ptr = unsafe.Add(elems, uintptr(from)*size)
		}
		*(*sliceHeader)(to.at(i)) = h
		from = end
	}
	return nil
}

// scanPointers scans all values, those of null rows included, into one
// allocation: rows that are not null then cost what they cost without pointers.
func scanPointers(t *Type, s rows, to target) *nullError {
	bits, nulls := s.bitmap()
	if nulls == s.n {
		for i := range s.n {
			*(*unsafe.Pointer)(to.at(i)) = nil
		}
		return nil
	}
	size := t.Elem.Go.Size()
	values := reflect.MakeSlice(reflect.SliceOf(t.Elem.Go), s.n, s.n).UnsafePointer()
	inner := s
	if nulls > 0 {
		inner.outer = &validity{bits: bits, at: s.at, outer: s.outer}
	}
	if err := scanPointees(t.Elem, inner, target{values, size}); err != nil {
		return err
	}
	for i := range s.n {
		q := unsafe.Add(values, uintptr(i)*size)
		if nulls > 0 && !bit(bits, s.at+i) {
			q = nil
		}
		*(*unsafe.Pointer)(to.at(i)) = q
	}
	return nil
}

// scanPointees scans what pointers point to; their bitmap is the pointers'.
func scanPointees(t *Type, s rows, to target) *nullError {
	switch t.Kind {
	case List, Bytes:
		return scan(t, s, to)
	}
	return scanValues(t, s, to)
}
