package agg

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// exact is a sum without rounding: a fixed-point number wide enough for every
// float64 and every square of one, of which only the digits in use are stored
// (Kulisch's long accumulator, with the small digits and late carries of Radford
// Neal, "Fast exact summation using small and large superaccumulators", 2015).
type exact struct {
	// Digits are of base 2^32, least first; each has a sign of its own and may
	// exceed the base until carry.
	//
	// Invariant: |digit| <= (Late+1) × 2^32, and Late <= lateCarries.
	Digits []int64
	Low    int32 // Digits[0] counts 2^(32×Low - exactPlaces)
	Late   int32 // additions since the last carry

	NaN, PosInf, NegInf bool
}

const (
	// exactPlaces is how many binary places there are: the square of the least
	// float64 has 2148, and a multiple of 32 lets digits begin at 0.
	exactPlaces = 2176
	// lateCarries lets two digits that wait for their carry be added in an int64.
	lateCarries = 1 << 28
)

// addFloat adds v.
func (e *exact) addFloat(v float64) {
	if e.special(v) {
		return
	}
	negative, mantissa, exponent := parts(v)
	e.add(negative, 0, mantissa, exponent+exactPlaces)
}

// addSquare adds v².
func (e *exact) addSquare(v float64) {
	if e.special(v) {
		return
	}
	_, mantissa, exponent := parts(v)
	high, low := bits.Mul64(mantissa, mantissa)
	e.add(false, high, low, 2*exponent+exactPlaces)
}

// special notes a value that is no number.
func (e *exact) special(v float64) bool {
	switch {
	case v != v:
		e.NaN = true
	case v > math.MaxFloat64:
		e.PosInf = true
	case v < -math.MaxFloat64:
		e.NegInf = true
	default:
		return false
	}
	return true
}

// parts takes a finite number apart: mantissa × 2^exponent.
func parts(v float64) (negative bool, mantissa uint64, exponent int) {
	b := math.Float64bits(v)
	mantissa, exponent = b&(1<<52-1), int(b>>52&0x7ff)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 52
	}
	return b>>63 != 0, mantissa, exponent - 1075
}

// addWhole adds an integer of at most 64 bits.
func (e *exact) addWhole(negative bool, magnitude uint64) {
	e.add(negative, 0, magnitude, exactPlaces)
}

// addWholeSquare adds the square of an integer of at most 64 bits.
func (e *exact) addWholeSquare(magnitude uint64) {
	high, low := bits.Mul64(magnitude, magnitude)
	e.add(false, high, low, exactPlaces)
}

// add adds a number of 128 bits whose last bit stands at a place.
func (e *exact) add(negative bool, high, low uint64, place int) {
	if high|low == 0 {
		return
	}
	shift := uint(place) & 31
	words := [3]uint64{low << shift, high<<shift | low>>(64-shift), high >> (64 - shift)}
	n := 5 // digits
	for n > 1 && words[(n-1)/2]>>(32*uint((n-1)&1)) == 0 {
		n--
	}
	first := place >> 5
	e.room(first, n)
	digits := e.Digits[first-int(e.Low):][:n]
	for i := range digits {
		d := int64(words[i/2] >> (32 * uint(i&1)) & math.MaxUint32)
		if negative {
			d = -d
		}
		digits[i] += d
	}
	e.late(1)
}

// room makes n digits from first on part of Digits.
func (e *exact) room(first, n int) {
	if len(e.Digits) == 0 {
		e.Low = int32(first)
	}
	if before := int(e.Low) - first; before > 0 {
		e.Digits = append(make([]int64, before, before+len(e.Digits)), e.Digits...)
		e.Low = int32(first)
	}
	for len(e.Digits) < first+n-int(e.Low) {
		e.Digits = append(e.Digits, 0)
	}
}

// late counts additions, and carries before a digit can overflow.
func (e *exact) late(n int32) {
	if e.Late += n; e.Late >= lateCarries {
		e.carry()
	}
}

// carry leaves every digit but the last from 0 to the base; the last one has
// the sign of the sum.
func (e *exact) carry() {
	for i := 0; i < len(e.Digits); i++ {
		d := e.Digits[i]
		last := i == len(e.Digits)-1
		if last && -1<<32 < d && d < 1<<32 {
			break
		}
		if last {
			e.Digits = append(e.Digits, 0)
		}
		e.Digits[i] = d & math.MaxUint32
		e.Digits[i+1] += d >> 32
	}
	e.Late = 0
}

func (e *exact) merge(o exact) {
	e.NaN, e.PosInf, e.NegInf = e.NaN || o.NaN, e.PosInf || o.PosInf, e.NegInf || o.NegInf
	if len(o.Digits) == 0 {
		return
	}
	e.room(int(o.Low), len(o.Digits))
	for i, d := range o.Digits {
		e.Digits[int(o.Low-e.Low)+i] += d
	}
	e.late(o.Late + 1)
}

// over returns the float64 nearest to the sum divided by n, NaN for n = 0.
func (e exact) over(n int64) float64 {
	switch {
	case n == 0 || e.NaN || e.PosInf && e.NegInf:
		return math.NaN()
	case e.PosInf:
		return math.Inf(1)
	case e.NegInf:
		return math.Inf(-1)
	}
	return nearest(e.whole(), big.NewInt(n), e.places())
}

// whole is the sum as a multiple of 2^places.
func (e exact) whole() *big.Int {
	sum := new(big.Int)
	var digit big.Int
	for _, d := range slices.Backward(e.Digits) {
		sum.Add(sum.Lsh(sum, 32), digit.SetInt64(d))
	}
	return sum
}

func (e exact) places() int { return 32*int(e.Low) - exactPlaces }

// nearest returns the float64 nearest to num/den × 2^places, ties to even.
func nearest(num, den *big.Int, places int) float64 {
	// 66 bits of the quotient, the last of which says whether anything follows,
	// round as the quotient itself does.
	shift := max(0, 66+den.BitLen()-num.BitLen())
	negative := num.Sign() < 0
	q, r := new(big.Int).QuoRem(new(big.Int).Lsh(new(big.Int).Abs(num), uint(shift)), den, new(big.Int))
	if r.Sign() != 0 {
		q.SetBit(q, 0, 1)
	}
	f := new(big.Float).SetInt(q)
	v, _ := f.SetMantExp(f, places-shift).Float64()
	if negative {
		return -v
	}
	return v
}
