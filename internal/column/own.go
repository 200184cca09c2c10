package column

import (
	"reflect"
	"strings"
	"unsafe"
)

// Own makes the value of t.Go at now independent of the batches it was
// computed from: every string, []byte, slice or pointer in it, at any depth,
// that does not share its memory with the same place of the value at before
// is replaced by a copy. What is kept for longer than a batch would otherwise
// pin the batch. Before is an older value that Own has seen, or nil to copy
// everything; a slice or pointer that is the same in both is taken as owned,
// but for the elements that were appended since. Own returns the bytes copied.
func (t *Type) Own(now, before unsafe.Pointer) int64 {
	switch t.Kind {
	case String:
		return ownString((*string)(now), (*string)(before))
	case Bytes:
		return ownBytes((*[]byte)(now), (*[]byte)(before))
	case List:
		return t.ownList((*sliceHeader)(now), (*sliceHeader)(before))
	case Pointer:
		return t.ownPointer((*unsafe.Pointer)(now), (*unsafe.Pointer)(before))
	case Struct:
		var n int64
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Type.Kind >= String {
				n += f.Type.Own(unsafe.Add(now, f.Offset), place(before, f.Offset))
			}
		}
		return n
	}
	return 0
}

// place is unsafe.Add that keeps nil.
func place(p unsafe.Pointer, offset uintptr) unsafe.Pointer {
	if p == nil {
		return nil
	}
	return unsafe.Add(p, offset)
}

// within reports whether size bytes at p lie in the space bytes at q.
func within(p unsafe.Pointer, size int, q unsafe.Pointer, space int) bool {
	from := uintptr(p) - uintptr(q) // huge if p is before q
	return from <= uintptr(space) && uintptr(size) <= uintptr(space)-from
}

func ownString(now, before *string) int64 {
	s := *now
	if s == "" {
		*now = "" // it may point into a buffer all the same
		return 0
	}
	if before != nil && within(unsafe.Pointer(unsafe.StringData(s)), len(s), unsafe.Pointer(unsafe.StringData(*before)), len(*before)) {
		return 0
	}
	*now = strings.Clone(s)
	return int64(len(s))
}

func ownBytes(now, before *[]byte) int64 {
	b := *now
	if b == nil {
		return 0
	}
	if before != nil && *before != nil &&
		within(unsafe.Pointer(unsafe.SliceData(b)), cap(b), unsafe.Pointer(unsafe.SliceData(*before)), cap(*before)) {
		return 0
	}
	*now = append(make([]byte, 0, keptCap(len(b), cap(b))), b...)
	return int64(len(b))
}

// keptCap is the capacity of a copy: without the room that append made, each
// further append would copy again; with the rest of a buffer that a slice
// happens to begin in, it would pin as much as before.
func keptCap(n, capacity int) int { return min(capacity, 2*n) }

func (t *Type) ownList(now, before *sliceHeader) int64 {
	if now.ptr == nil {
		return 0
	}
	size := t.Elem.Go.Size()
	if before != nil && now.ptr == before.ptr {
		return t.ownElems(now.ptr, nil, before.len, now.len)
	}
	old := unsafe.Pointer(nil)
	shared := 0
	if before != nil {
		old, shared = before.ptr, min(before.len, now.len)
	}
	fresh := reflect.MakeSlice(t.Go, now.len, keptCap(now.len, now.cap))
	reflect.Copy(fresh, reflect.NewAt(t.Go, unsafe.Pointer(now)).Elem())
	now.ptr, now.cap = fresh.UnsafePointer(), fresh.Cap()
	n := int64(now.len) * int64(size)
	return n + t.ownElems(now.ptr, old, 0, shared) + t.ownElems(now.ptr, nil, shared, now.len)
}

// ownElems owns the elements from to to of the list at now.
func (t *Type) ownElems(now, before unsafe.Pointer, from, to int) int64 {
	if t.Elem.Kind < String { // numbers
		return 0
	}
	size := t.Elem.Go.Size()
	var n int64
	for i := from; i < to; i++ {
		at := uintptr(i) * size
		n += t.Elem.Own(unsafe.Add(now, at), place(before, at))
	}
	return n
}

func (t *Type) ownPointer(now, before *unsafe.Pointer) int64 {
	if *now == nil {
		return 0
	}
	var old unsafe.Pointer
	if before != nil {
		if old = *before; old == *now {
			return 0
		}
	}
	fresh := reflect.New(t.Elem.Go)
	fresh.Elem().Set(reflect.NewAt(t.Elem.Go, *now).Elem())
	*now = fresh.UnsafePointer()
	return int64(t.Elem.Go.Size()) + t.Elem.Own(*now, old)
}

// Size returns the bytes that the value of t.Go at p takes with all that it
// points to: strings by length, slices by capacity. What two places share is
// counted twice.
func (t *Type) Size(p unsafe.Pointer) int64 {
	return int64(t.Go.Size()) + t.reach(p)
}

// SizeRows returns the sum of Size over n values that stand stride bytes apart
// from p on, column by column.
func (t *Type) SizeRows(p unsafe.Pointer, stride uintptr, n int) int64 {
	if n == 0 {
		return 0
	}
	return int64(t.Go.Size())*int64(n) + t.reachRows(p, stride, n)
}

func (t *Type) reachRows(p unsafe.Pointer, stride uintptr, n int) int64 {
	var sum int64
	switch t.Kind {
	case String:
		for i := range n {
			sum += int64(len(*(*string)(unsafe.Add(p, uintptr(i)*stride))))
		}
	case Struct:
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Type.Kind >= String {
				sum += f.Type.reachRows(unsafe.Add(p, f.Offset), stride, n)
			}
		}
	case Bytes, List, Pointer:
		for i := range n {
			sum += t.reach(unsafe.Add(p, uintptr(i)*stride))
		}
	}
	return sum
}

// reach is the size of what a value points to.
func (t *Type) reach(p unsafe.Pointer) int64 {
	switch t.Kind {
	case String:
		return int64(len(*(*string)(p)))
	case Bytes:
		return int64(cap(*(*[]byte)(p)))
	case List:
		return t.reachList((*sliceHeader)(p))
	case Pointer:
		if q := *(*unsafe.Pointer)(p); q != nil {
			return t.Elem.Size(q)
		}
	case Struct:
		var n int64
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Type.Kind >= String {
				n += f.Type.reach(unsafe.Add(p, f.Offset))
			}
		}
		return n
	}
	return 0
}

func (t *Type) reachList(h *sliceHeader) int64 {
	size := t.Elem.Go.Size()
	n := int64(h.cap) * int64(size)
	if t.Elem.Kind < String {
		return n
	}
	for i := range h.len {
		n += t.Elem.reach(unsafe.Add(h.ptr, uintptr(i)*size))
	}
	return n
}
