package dataset

import (
	"math"
	"math/rand/v2"
)

// zipf draws ranks from 0 to n-1 with a frequency in proportion to
// (rank+1)^-exponent, in constant time: Walker's alias method, "An Efficient
// Method for Generating Discrete Random Variables with General Distributions"
// (1977).
type zipf struct {
	keep  []uint32 // of 2^32, how often a column gives its own rank
	other []uint32 // the rank that it gives otherwise
}

func newZipf(n int, exponent float64) *zipf {
	weight := make([]float64, n)
	sum := 0.0
	for i := range weight {
		weight[i] = math.Pow(float64(i+1), -exponent)
		sum += weight[i]
	}
	z := &zipf{keep: make([]uint32, n), other: make([]uint32, n)}
	var light, heavy []int // columns with less than a full share, and the others
	for i := range weight {
		weight[i] = weight[i] / sum * float64(n)
		if weight[i] < 1 {
			light = append(light, i)
		} else {
			heavy = append(heavy, i)
		}
	}
	for len(light) > 0 && len(heavy) > 0 {
		l, h := light[len(light)-1], heavy[len(heavy)-1]
		light = light[:len(light)-1]
		z.keep[l], z.other[l] = uint32(weight[l]*math.MaxUint32), uint32(h)
		weight[h] -= 1 - weight[l]
		if weight[h] < 1 {
			heavy = heavy[:len(heavy)-1]
			light = append(light, h)
		}
	}
	for _, i := range append(heavy, light...) {
		z.keep[i], z.other[i] = math.MaxUint32, uint32(i)
	}
	return z
}

func (z *zipf) draw(r *rand.Rand) uint32 {
	i := r.Uint32N(uint32(len(z.keep)))
	if r.Uint32() > z.keep[i] {
		return z.other[i]
	}
	return i
}
