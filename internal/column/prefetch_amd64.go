package column

import "unsafe"

// prefetchSpans asks for the bytes data[offs[i]:] of every i in sel, two cache
// lines each, so that the misses of a group of rows overlap and the copies that
// follow wait for none of them. Where a span ends does not matter: asking for
// memory that does not exist is no fault.
func prefetchSpans(data []byte, offs []int32, sel []uint32) {
	prefetchAt(unsafe.SliceData(data), unsafe.SliceData(offs), unsafe.SliceData(sel), len(sel))
}

// prefetchAt is in prefetch_amd64.s.
//
//go:noescape
func prefetchAt(data *byte, offs *int32, sel *uint32, n int)
