package agg

import (
	"math"
	"slices"

	"github.com/sheafdata/sheaf/sdk"
)

// Quantiles estimates quantiles of a key's values: one result for each of at,
// which are from 0 (the least value) to 1 (the greatest), 0.5 for the median. A
// result is at most a factor of 1±alpha off the value that stands at index
// at×(n-1), rounded down, of the n sorted values; alpha is from 0.0001 to 0.25.
// For 0 and 1 it is exact. NaN are left out; without other values all results
// are NaN.
//
// It is the DDSketch of Masson, Rim and Lee (2019) with buckets of equal width
// inside each power of two: a value's bucket is the upper bits of the float64,
// which is the same on every machine. No bucket is ever given up, so the error
// holds for all quantiles. State: 12 to 24 bytes a bucket in use. For alpha 0.01
// there are 64 buckets between powers of two, thus 640 for values from 1 to 1000.
func Quantiles[N Number](alpha float64, at ...float64) sdk.Aggregator[N, spectrum, []float64] {
	if !(alpha >= minAlpha && alpha <= maxAlpha) {
		return refused[N, spectrum, []float64]("Quantiles", "alpha is %v; choose one from %v to %v, 0.01 errs by 1 %%", alpha, minAlpha, maxAlpha)
	}
	for _, q := range at {
		if !(q >= 0 && q <= 1) {
			return refused[N, spectrum, []float64]("Quantiles", "there is no quantile %v; it is from 0 to 1, 0.5 is the median", q)
		}
	}
	at = slices.Clone(at)
	g := grainFor(alpha)
	return sdk.Aggregator[N, spectrum, []float64]{
		Add:   func(s *spectrum, v N) { s.add(g, float64(v)) },
		Merge: func(s *spectrum, o spectrum) { s.merge(o) },
		Finish: func(s spectrum) []float64 {
			results := make([]float64, len(at))
			for i, q := range at {
				results[i] = s.quantile(g, q)
			}
			return results
		},
	}
}

const minAlpha, maxAlpha = 0.0001, 0.25

// grain is how many bits of the mantissa tell buckets apart.
type grain uint

// grainFor is the least with which the middle of a bucket is near enough: the
// widest is that from 1 to 1+2^-g, and the value 2ab/(a+b) inside a bucket from
// a to b is off by a factor of (b-a)/(b+a) at most.
func grainFor(alpha float64) grain {
	g := grain(0)
	for 1/(math.Exp2(float64(g)+1)+1) > alpha {
		g++
	}
	return g
}

// bucket is the number of a positive value's bucket; buckets are in the order of
// values. Values below 2^-1022 have fewer bits, so they are moved up to be told
// apart as well.
func (g grain) bucket(v float64) int32 {
	if v < 0x1p-1022 {
		return int32(math.Float64bits(v*0x1p64)>>(52-g)) - 64<<g
	}
	return int32(math.Float64bits(v) >> (52 - g))
}

// value stands for all values of a bucket.
func (g grain) value(bucket int32) float64 {
	width := math.Exp2(-float64(g))
	low := 1 + float64(bucket&(1<<g-1))*width
	high := low + width
	return math.Ldexp(2*low*high/(low+high), int(bucket>>g)-1023)
}

// spectrum counts the values in each bucket.
type spectrum struct {
	Positive, Negative bars // Negative holds the buckets of -v
	Zeros              int64
	Least, Greatest    float64 // of all values but NaN; 0 where there are none
}

// bars are buckets with their counts, the lowest bucket first.
type bars struct {
	Buckets []int32
	Counts  []int64
}

func (s *spectrum) count() int64 { return s.Positive.count() + s.Negative.count() + s.Zeros }

func (b *bars) count() (n int64) {
	for _, c := range b.Counts {
		n += c
	}
	return n
}

func (b *bars) add(bucket int32, n int64) {
	i, found := slices.BinarySearch(b.Buckets, bucket)
	if !found {
		b.Buckets = slices.Insert(b.Buckets, i, bucket)
		b.Counts = slices.Insert(b.Counts, i, 0)
	}
	b.Counts[i] += n
}

func (s *spectrum) add(g grain, v float64) {
	switch {
	case v > 0:
		s.ends(v, v)
		s.Positive.add(g.bucket(v), 1)
	case v < 0:
		s.ends(v, v)
		s.Negative.add(g.bucket(-v), 1)
	case v == 0:
		s.ends(0, 0)
		s.Zeros++
	}
}

// ends widens the ends before the values are counted.
func (s *spectrum) ends(least, greatest float64) {
	if len(s.Positive.Counts)+len(s.Negative.Counts) == 0 && s.Zeros == 0 {
		s.Least, s.Greatest = least, greatest
		return
	}
	s.Least, s.Greatest = min(s.Least, least), max(s.Greatest, greatest)
}

func (s *spectrum) merge(o spectrum) {
	if o.count() == 0 {
		return
	}
	s.ends(o.Least, o.Greatest)
	s.Zeros += o.Zeros
	for i, bucket := range o.Positive.Buckets {
		s.Positive.add(bucket, o.Positive.Counts[i])
	}
	for i, bucket := range o.Negative.Buckets {
		s.Negative.add(bucket, o.Negative.Counts[i])
	}
}

func (s *spectrum) quantile(g grain, q float64) float64 {
	n := s.count()
	if n == 0 {
		return math.NaN()
	}
	rank := min(int64(q*float64(n-1)), n-1)
	return min(max(s.ranked(g, rank), s.Least), s.Greatest)
}

// ranked is about the value that rank others come before.
func (s *spectrum) ranked(g grain, rank int64) float64 {
	if rank == 0 {
		return s.Least
	}
	if rank == s.count()-1 {
		return s.Greatest
	}
	for i := len(s.Negative.Counts) - 1; i >= 0; i-- {
		if rank -= s.Negative.Counts[i]; rank < 0 {
			return -g.value(s.Negative.Buckets[i])
		}
	}
	if rank -= s.Zeros; rank < 0 {
		return 0
	}
	for i, count := range s.Positive.Counts {
		if rank -= count; rank < 0 {
			return g.value(s.Positive.Buckets[i])
		}
	}
	return s.Greatest
}
