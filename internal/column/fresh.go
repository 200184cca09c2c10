package column

import (
	"strings"
	"unsafe"
)

// leastFresh is the size from which memory that is not cleared is worth it.
const leastFresh = 1 << 10

// fresh returns n bytes of memory, aligned to 8, that hold whatever was there
// before: they are to be written before they are read. Clearing what is about to
// be overwritten took 6 % of the time of a job of row functions. Only the
// standard library's builder of strings gives such memory.
func fresh(n int) []byte {
	if n < leastFresh {
		return make([]byte, n)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0) // an empty string need not have a place
	return unsafe.Slice(unsafe.StringData(b.String()), b.Cap())[:n]
}

// freshOffs is fresh for n offsets.
func freshOffs(n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(fresh(4*n)))), n)
}
