package agg

import (
	"math"
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/sdk"
)

// CountDistinctApprox estimates the number of distinct values of a key by
// HyperLogLog++: hashes of 64 bits and the sparse form of Heule, Nunkesser and
// Hall ("HyperLogLog in practice", 2013), and in place of their tables of biases
// the estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog
// sketches", 2017, algorithm 6), which has no bias to correct.
//
// precision is from 4 to 18. The standard error is 1.04/√2^precision: 0.8 % for
// 14, and one estimate in 400 is off by three times that. Up to 2^precision/8
// distinct values are counted nearly exactly, with an error as of precision 25.
// State: 4 to 8 bytes a value up to that number, then 2^precision bytes.
//
// The hash is XXH3 of the value's key with a seed of its own. It is the same on
// every machine and in every release.
func CountDistinctApprox[V any](precision int) sdk.Aggregator[V, sketch, int64] {
	if precision < minPrecision || precision > maxPrecision {
		return refused[V, sketch, int64]("CountDistinctApprox", "the precision is %d; choose one from %d to %d, 14 errs by 0.8 %%", precision, minPrecision, maxPrecision)
	}
	e, err := encodingOf[V]()
	if err != nil {
		return refused[V, sketch, int64]("CountDistinctApprox", "%w", err)
	}
	return sdk.Aggregator[V, sketch, int64]{
		Add: func(s *sketch, v V) {
			k := e.take(&v)
			s.add(precision, xxh3.HashSeed(k.key, hashSeed))
			k.done()
		},
		Merge: func(s *sketch, o sketch) { s.merge(precision, o) },
		Finish: func(s sketch) int64 {
			s.Sparse = s.Sparse.copied()
			s.tidy(precision)
			return s.estimate()
		},
	}
}

const (
	minPrecision, maxPrecision = 4, 18
	// sparsePrecision is that of the sparse form: index and rank fit 32 bits.
	sparsePrecision = 25
	rankBits        = 6
	// hashSeed keeps these hashes apart from those that place keys in buckets,
	// or the values in a bucket would be alike in their upper bits.
	hashSeed = 0x5ea7a66de57c0de5
)

// sketch is a HyperLogLog: a register for each index, that holds the greatest
// rank of the hashes with that index.
type sketch struct {
	// Sparse holds index<<rankBits | rank, at sparsePrecision; unused once dense.
	Sparse lazy[uint32]
	// Dense holds the rank of every index; empty as long as the form is sparse. It
	// is no []byte, since those of a state that was read must not be written.
	Dense []int8
}

// sparse takes a hash apart.
func sparse(hash uint64) uint32 {
	index := uint32(hash >> (64 - sparsePrecision))
	rank := bits.LeadingZeros64(hash<<sparsePrecision|1<<(sparsePrecision-1)) + 1
	return index<<rankBits | uint32(rank)
}

// dense makes index and rank at a lower precision of those in sparse form.
func dense(item uint32, precision int) (index uint32, rank int8) {
	at, more := item>>rankBits, sparsePrecision-precision
	if rest := at << (32 - more); rest != 0 {
		return at >> more, int8(bits.LeadingZeros32(rest) + 1)
	}
	return at >> more, int8(more) + int8(item&(1<<rankBits-1))
}

// sparseLimit is how many items take half the bytes of the dense form: while
// some wait to be sorted, they take as many.
func sparseLimit(precision int) int { return 1 << precision / 8 }

func (s *sketch) add(precision int, hash uint64) {
	if len(s.Dense) > 0 {
		index := hash >> (64 - precision)
		rank := int8(bits.LeadingZeros64(hash<<precision|1<<(precision-1)) + 1)
		s.Dense[index] = max(s.Dense[index], rank)
		return
	}
	s.addSparse(precision, sparse(hash))
}

func (s *sketch) addSparse(precision int, item uint32) {
	if len(s.Dense) > 0 {
		index, rank := dense(item, precision)
		s.Dense[index] = max(s.Dense[index], rank)
		return
	}
	if s.Sparse.has(item) {
		return
	}
	s.Sparse.Items = append(s.Sparse.Items, item)
	if s.Sparse.full() {
		s.tidy(precision)
	}
}

// tidy leaves one item an index, and makes the form dense above the limit. Which
// form a state ends in so depends on its values alone.
func (s *sketch) tidy(precision int) {
	l := &s.Sparse
	l.sort()
	kept := l.Items[:0]
	for _, item := range l.Items {
		// The greatest rank of an index comes last.
		if n := len(kept); n > 0 && kept[n-1]>>rankBits == item>>rankBits {
			kept[n-1] = item
		} else {
			kept = append(kept, item)
		}
	}
	l.Items, l.Sorted = kept, len(kept)
	if len(kept) <= sparseLimit(precision) || len(s.Dense) > 0 {
		return
	}
	s.Dense = make([]int8, 1<<precision)
	for _, item := range kept {
		s.addSparse(precision, item)
	}
	*l = lazy[uint32]{}
}

func (s *sketch) merge(precision int, o sketch) {
	if len(o.Dense) > 0 && len(s.Dense) == 0 {
		mine := s.Sparse.Items
		*s = sketch{Dense: slices.Clone(o.Dense)}
		o = sketch{Sparse: lazy[uint32]{Items: mine}}
	}
	for _, item := range o.Sparse.Items {
		s.addSparse(precision, item)
	}
	for i, rank := range o.Dense {
		s.Dense[i] = max(s.Dense[i], rank)
	}
}

// estimate is Ertl's, from how many registers hold each rank.
func (s *sketch) estimate() int64 {
	var count [66]float64
	registers, top := float64(len(s.Dense)), 64-bits.TrailingZeros(uint(len(s.Dense)))
	if len(s.Dense) == 0 {
		registers, top = 1<<sparsePrecision, 64-sparsePrecision
		for _, item := range s.Sparse.Items {
			count[item&(1<<rankBits-1)]++
		}
		count[0] = registers - float64(len(s.Sparse.Items))
	}
	for _, rank := range s.Dense {
		count[rank]++
	}
	z := registers * above(1-count[top+1]/registers)
	for k := top; k >= 1; k-- {
		z = 0.5 * (z + count[k])
	}
	z += registers * below(count[0]/registers)
	return int64(math.Round(registers * registers / (2 * math.Ln2 * z)))
}

// below is Ertl's σ: what registers that no hash has touched stand for.
func below(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	for y, z := 1.0, x; ; y += y {
		x *= x
		before := z
		if z += x * y; z == before {
			return z
		}
	}
}

// above is Ertl's τ: what registers at their greatest rank stand for.
func above(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	for y, z := 0.5, 1-x; ; y *= 0.5 {
		x = math.Sqrt(x)
		before := z
		if z -= (1 - x) * (1 - x) * y; z == before {
			return z / 3
		}
	}
}
