//go:build !race

package minicluster

// workerBytes leaves the bound of a worker's memory to the executor.
const workerBytes = 0
