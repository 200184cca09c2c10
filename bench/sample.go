package main

import (
	"math"
	"slices"
)

// sample is the figures of several runs, in their order.
type sample []float64

// median returns the middle one, or the mean of the two in the middle; NaN of none.
func (s sample) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// over divides by another sample run by run: runs of one round met the same
// machine, medians of all may not have.
func (s sample) over(other sample) sample {
	ratios := make(sample, min(len(s), len(other)))
	for i := range ratios {
		ratios[i] = s[i] / other[i]
	}
	return ratios
}

func sampleOf(used []usage, m measure) sample {
	s := make(sample, len(used))
	for i, u := range used {
		s[i] = m.of(u)
	}
	return s
}
