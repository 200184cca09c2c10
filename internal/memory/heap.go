package memory

import (
	"os"
	"runtime/debug"
)

// LimitHeap makes the garbage collector keep to the budget: rarely running
// while there is room, and hard at the limit. Settings of the user's
// environment win. What it returns must be kept alive: memory that is never
// touched, so the system never gives it, but that counts as alive. Without such
// a floor a job that keeps little, and makes rows and forgets them, would
// collect after every few megabytes, and the row path pays for the write
// barriers.
func LimitHeap(budget int64) (floor []byte) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(budget, minHeapLimit))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		floor = make([]byte, min(maxHeapFloor, budget/heapFloorShare))
	}
	return floor
}

const (
	// minHeapLimit is what a program takes that does nothing, and some garbage:
	// with less the collector runs all the time and finds nothing.
	minHeapLimit = 16 << 20

	// gcPercent trades memory for time: most of the heap is buffers without
	// pointers, so a collection is cheap but its frequency is not.
	gcPercent = 200

	maxHeapFloor = 32 << 20
	// heapFloorShare keeps a small budget for what is really there.
	heapFloorShare = 32
)
