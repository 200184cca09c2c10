//go:build race

package worker_test

// raceEnabled says that programs of this test carry the race detector, whose
// shadow memory is more than any limit of addresses.
const raceEnabled = true
