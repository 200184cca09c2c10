package schedule

// BucketRange is the hash buckets [First, End).
type BucketRange struct {
	First, End int
}

// CutBuckets groups neighbouring buckets, given the stored bytes of each, into
// ranges that cover all of them. The target of a range is all bytes divided by
// slots × 4, at least 1 MiB and at most PartitionBytes; a bucket above the
// target shares its range with empty buckets only. There is always a range.
func CutBuckets(bucketBytes []int64, slots int, cfg Config) []BucketRange {
	return cutBuckets(bucketBytes, 0, slots, cfg)
}

// cutBuckets is CutBuckets with a target, unless that is 0.
func cutBuckets(bucketBytes []int64, target int64, slots int, cfg Config) []BucketRange {
	cfg = cfg.withDefaults()
	if target == 0 {
		target = clampTarget(sumBytes(bucketBytes), slots, partitionsPerSlot, cfg.PartitionBytes)
	}
	var ranges []BucketRange
	var first int
	var sum int64
	for b, n := range bucketBytes {
		// Empty buckets cost nothing: a range of them alone would be a wasted task.
		if n > 0 && sum > 0 && addBytes(sum, n) > target {
			ranges = append(ranges, BucketRange{first, b})
			first, sum = b, 0
		}
		sum = addBytes(sum, n)
	}
	return append(ranges, BucketRange{first, len(bucketBytes)})
}
