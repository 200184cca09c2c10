package schedule

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestCutBuckets(t *testing.T) {
	cfg := Config{PartitionBytes: 4 * mib}
	tests := []struct {
		name    string
		buckets []int64
		slots   int
		want    []BucketRange
	}{
		{"no data", []int64{0, 0, 0}, 4, []BucketRange{{0, 3}}},
		{"one bucket", []int64{5}, 4, []BucketRange{{0, 1}}},
		{"small data is one range", []int64{1, 2, 3, 4}, 4, []BucketRange{{0, 4}}},
		{"floor of the target", []int64{mib, mib, mib}, 100, []BucketRange{{0, 1}, {1, 2}, {2, 3}}},
		{"by slots", []int64{2 * mib, 2 * mib, 2 * mib, 2 * mib, 2 * mib, 2 * mib, 2 * mib, 2 * mib}, 1, []BucketRange{{0, 2}, {2, 4}, {4, 6}, {6, 8}}},
		{"by the bound", []int64{4 * mib, 4 * mib, 4 * mib, 4 * mib, 4 * mib, 4 * mib}, 1, []BucketRange{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}}},
		{"huge alone", []int64{1, 1, 100 * mib, 1, 1}, 1, []BucketRange{{0, 2}, {2, 3}, {3, 5}}},
		{"empty ones join", []int64{0, 0, 100 * mib, 0, 0}, 1, []BucketRange{{0, 5}}},
		{"sizes that overflow", []int64{math.MaxInt64, math.MaxInt64}, 1, []BucketRange{{0, 1}, {1, 2}}},
		{"negative sizes", []int64{-5, 1, -7}, 1, []BucketRange{{0, 3}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CutBuckets(tt.buckets, tt.slots, cfg); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("CutBuckets(%v, %d) = %v, want %v", tt.buckets, tt.slots, got, tt.want)
			}
		})
	}
}

func TestCutBucketsRandom(t *testing.T) {
	for _, seed := range seeds(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		buckets := make([]int64, 1+r.IntN(64))
		for i := range buckets {
			if r.IntN(3) > 0 {
				buckets[i] = r.Int64N(1 << (1 + r.IntN(26)))
			}
		}
		cfg := Config{PartitionBytes: 1 + r.Int64N(32*mib)}
		slots := r.IntN(20)
		got := CutBuckets(buckets, slots, cfg)
		if err := checkRanges(buckets, got, cfg.PartitionBytes); err != nil {
			t.Fatalf("CutBuckets(%v, %d, %+v) = %v: %v\nreplay: go test -run TestCutBucketsRandom -seed=%d", buckets, slots, cfg, got, err, seed)
		}
	}
}

func checkRanges(buckets []int64, ranges []BucketRange, limit int64) error {
	at := 0
	for _, rg := range ranges {
		if rg.First != at || rg.End <= rg.First {
			return fmt.Errorf("range %v after bucket %d", rg, at)
		}
		at = rg.End
		var sum int64
		filled := 0
		for _, n := range buckets[rg.First:rg.End] {
			sum += n
			filled += int(min(n, 1))
		}
		if filled > 1 && sum > limit {
			return fmt.Errorf("range %v has %d bytes", rg, sum)
		}
		if filled == 0 && len(ranges) > 1 {
			return fmt.Errorf("range %v is empty", rg)
		}
	}
	if at != len(buckets) {
		return fmt.Errorf("%d of %d buckets covered", at, len(buckets))
	}
	return nil
}
