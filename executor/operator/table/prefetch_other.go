//go:build !amd64

package table

// prefetch loads the first slot of each of the n pending keys: independent
// loads, which the processor overlaps.
func prefetch(slots []slot, pending *[blockKeys]probe, n int) {
	mask := uint64(len(slots) - 1)
	sum := uint64(0)
	for i := range pending[:n] {
		sum += slots[pending[i].hash&mask].a
	}
	touched(sum)
}

// touched keeps the loads from being optimised away.
//
//go:noinline
func touched(uint64) {}
