package table

import "unsafe"

// prefetch asks for the first slot of each of the n pending keys, so that the
// cache misses of a block overlap and nobody waits for them here, as plain
// loads would.
func prefetch(slots []slot, pending *[blockKeys]probe, n int) {
	prefetchSlots(unsafe.SliceData(slots), uint64(len(slots)-1), &pending[0], n)
}

// prefetchSlots is in prefetch_amd64.s.
//
//go:noescape
func prefetchSlots(slots *slot, mask uint64, probes *probe, n int)
