package jsonl

import (
	"reflect"
	"unsafe"
)

// arena gives zeroed Go values of one type and takes all of them back at once.
// The rows of a batch are copied into columns, so the memory of their parts is
// used again and again.
type arena struct {
	slice reflect.Type // of the values
	size  uintptr      // of a value

	values reflect.Value // the slice that is used up
	base   unsafe.Pointer
	used   int
	room   int
}

const (
	// firstRoom is how many values an arena begins with, unless they are huge.
	firstRoom = 64
	// keptBytes bounds the memory that an arena keeps for the next rows.
	keptBytes = 1 << 20
)

func newArena(elem reflect.Type) *arena {
	return &arena{slice: reflect.SliceOf(elem), size: elem.Size()}
}

// at returns the place of a value.
func (a *arena) at(i int) unsafe.Pointer { return unsafe.Add(a.base, uintptr(i)*a.size) }

// one returns a value.
func (a *arena) one() unsafe.Pointer {
	if a.used == a.room {
		a.grow(a.used)
	}
	a.used++
	return a.at(a.used - 1)
}

// next returns one more value of the list that began at *start, behind the
// others. A longer list moves to larger memory; what it leaves stays valid.
func (a *arena) next(start *int) unsafe.Pointer {
	if a.used == a.room {
		a.grow(*start)
		*start = 0
	}
	a.used++
	return a.at(a.used - 1)
}

// grow takes larger memory and moves the values from start on to its beginning.
func (a *arena) grow(start int) {
	kept := int(keptBytes / max(a.size, 1))
	n := max(1, min(firstRoom, kept), 2*(a.used-start), min(2*a.room, kept))
	values := reflect.MakeSlice(a.slice, n, n)
	if a.used > start {
		reflect.Copy(values, a.values.Slice(start, a.used))
	}
	a.values, a.base = values, values.UnsafePointer()
	a.used, a.room = a.used-start, n
}

// reset takes all values back.
func (a *arena) reset() {
	switch {
	case a.used == 0:
	case uintptr(a.room)*a.size > keptBytes:
		*a = arena{slice: a.slice, size: a.size}
	default:
		a.values.Slice(0, a.used).Clear()
		a.used = 0
	}
}
