package main

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		name string
		in   sample
		want float64
	}{
		{"none", nil, math.NaN()},
		{"one", sample{3}, 3},
		{"odd, not in order", sample{9, 1, 4}, 4},
		{"even", sample{8, 1, 4, 2}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.in)
			if got := c.in.median(); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
			}
			if !slices.Equal(c.in, before) {
				t.Errorf("median changed the sample to %v, want %v: runs belong together by place", c.in, before)
			}
		})
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	slow, fast := sample{10, 40, 12}, sample{5, 10, 3}
	if got, want := slow.over(fast), (sample{2, 4, 4}); !slices.Equal(got, want) {
		t.Errorf("%v.over(%v) = %v, want %v", slow, fast, got, want)
	}
	if got, want := slow.over(fast[:1]), (sample{2}); !slices.Equal(got, want) {
		t.Errorf("%v.over(%v) = %v, want %v", slow, fast[:1], got, want)
	}
}
