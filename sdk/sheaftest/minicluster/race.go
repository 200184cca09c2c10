//go:build race

package minicluster

// workerBytes is no bound: the shadow memory of the race detector is more than
// any limit of addresses.
const workerBytes = 1 << 50
