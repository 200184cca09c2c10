package column

import "github.com/zeebo/xxh3"

// HashKey returns the hash by which keys are partitioned: XXH3, 64 bits, seed
// 0 (Yann Collet's xxHash specification, version 0.2.0). It is the same in
// every process, on every machine and in every release, since map outputs of
// different attempts must agree on where a key goes. All of its bits are good.
func HashKey(key []byte) uint64 { return xxh3.Hash(key) }

// Bucket maps a hash to one of 1 to 2^31 buckets by its upper 32 bits: a
// multiplication and a shift instead of a division, so that neighbouring
// buckets are neighbouring ranges of the hash.
func Bucket(hash uint64, buckets int) int {
	return int((hash >> 32) * uint64(buckets) >> 32)
}
