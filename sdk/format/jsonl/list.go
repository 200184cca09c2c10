package jsonl

import "unsafe"

// sliceHeader is a slice of any element type, as Go lays it out.
type sliceHeader struct {
	ptr unsafe.Pointer
	len int
	cap int
}

// none is what empty slices that are not nil point to.
var none struct{}

// list parses arrays into slices.
type list struct {
	elem     parseFunc
	elements *arena // of this list alone: no two lists of it are parsed at once
	goType   string
}

func (l *list) parse(in *input, at int, p unsafe.Pointer) int {
	if in.data[at] != '[' {
		if !in.null(at) {
			return in.mismatch(at, "an array", l.goType)
		}
		*(*sliceHeader)(p) = sliceHeader{}
		return at + 4
	}
	start, n := l.elements.used, 0
	end := in.elements(at, func(i, at int) int {
		n = i + 1
		at = l.elem(in, at, l.elements.next(&start))
		if at == failed {
			return in.insideElement(i)
		}
		return at
	})
	if end == failed {
		return failed
	}
	h := sliceHeader{ptr: unsafe.Pointer(&none), len: n, cap: n}
	if n > 0 {
		h.ptr = l.elements.at(start)
	}
	*(*sliceHeader)(p) = h
	return end
}

// pointer parses values that may be null.
type pointer struct {
	elem   parseFunc
	values *arena
}

func (v *pointer) parse(in *input, at int, p unsafe.Pointer) int {
	if in.null(at) {
		*(*unsafe.Pointer)(p) = nil
		return at + 4
	}
	q := *(*unsafe.Pointer)(p)
	if q == nil { // else an earlier member has the same name
		q = v.values.one()
		*(*unsafe.Pointer)(p) = q
	}
	return v.elem(in, at, q)
}
