package agg

import (
	"math"
	"math/big"

	"github.com/sheafdata/sheaf/sdk"
)

// moments are the number of values, their sum and that of their squares.
type moments struct {
	Count        int64
	Sum, Squares exact
}

func (m *moments) merge(o moments) {
	m.Count += o.Count
	m.Sum.merge(o.Sum)
	m.Squares.merge(o.Squares)
}

// variance is that of a sample, the float64 nearest to it.
func (m moments) variance() float64 {
	if m.Count < 2 || m.Sum.NaN || m.Sum.PosInf || m.Sum.NegInf {
		return math.NaN()
	}
	// n·Σx² - (Σx)² over n·(n-1), in whole numbers of one unit.
	n := big.NewInt(m.Count)
	sum, squares := m.Sum.whole(), m.Squares.whole()
	sum.Mul(sum, sum)
	squares.Mul(squares, n)
	sumPlaces, places := 2*m.Sum.places(), m.Squares.places()
	if up := places - sumPlaces; up > 0 {
		squares.Lsh(squares, uint(up))
		places = sumPlaces
	} else {
		sum.Lsh(sum, uint(-up))
	}
	return nearest(squares.Sub(squares, sum), n.Mul(n, big.NewInt(m.Count-1)), places)
}

// adder returns how numbers of N are added to exact sums, and with their
// squares: all 64 bits of an integer count, which a float64 would lose.
func adder[N Number]() (add, addSquare func(*exact, N)) {
	one, two := N(1), N(2)
	if one/two != 0 {
		return func(e *exact, v N) { e.addFloat(float64(v)) }, func(e *exact, v N) { e.addSquare(float64(v)) }
	}
	size := func(v N) uint64 {
		if v < 0 {
			return -uint64(int64(v))
		}
		return uint64(v)
	}
	return func(e *exact, v N) { e.addWhole(v < 0, size(v)) }, func(e *exact, v N) { e.addWholeSquare(size(v)) }
}

// Mean gives the float64 nearest to the true mean, ties to even, as SumFloat
// does for sums: large numbers, cancellation and the order of values cost
// nothing. NaN and infinities are those of SumFloat; the mean of no values is
// NaN. State: that of SumFloat and 8 bytes.
func Mean[N Number]() sdk.Aggregator[N, moments, float64] {
	add, _ := adder[N]()
	return sdk.Aggregator[N, moments, float64]{
		Add: func(m *moments, v N) {
			m.Count++
			add(&m.Sum, v)
		},
		Merge:  func(m *moments, o moments) { m.merge(o) },
		Finish: func(m moments) float64 { return m.Sum.over(m.Count) },
	}
}

// Variance gives the float64 nearest to the variance of a sample (over n-1,
// without bias), from exact sums of values and squares: nothing cancels, no
// order or split changes a bit. It is NaN for fewer than two values and where a
// value is NaN or infinite. State: twice that of SumFloat and 8 bytes, up to
// 1.7 KiB.
func Variance[N Number]() sdk.Aggregator[N, moments, float64] {
	add, addSquare := adder[N]()
	return sdk.Aggregator[N, moments, float64]{
		Add: func(m *moments, v N) {
			m.Count++
			add(&m.Sum, v)
			addSquare(&m.Squares, v)
		},
		Merge:  func(m *moments, o moments) { m.merge(o) },
		Finish: moments.variance,
	}
}

// StdDev is the square root of Variance.
func StdDev[N Number]() sdk.Aggregator[N, moments, float64] {
	a := Variance[N]()
	a.Finish = func(m moments) float64 { return math.Sqrt(m.variance()) }
	return a
}

// drift is a mean with the sum of squared distances from it.
type drift struct {
	Count     int64
	Mean, Sum float64
}

// VarianceFast is the variance of a sample by the update of Welford and the
// merge of Chan, Golub and LeVeque ("Updating formulae and a pairwise algorithm
// for computing sample variances", 1979). It is stable: a mean that is large
// beside the spread costs no digits to speak of. Its last bits depend on splits
// and orders. NaN as in Variance. State: 24 bytes.
func VarianceFast[N Number]() sdk.Aggregator[N, drift, float64] {
	return sdk.Aggregator[N, drift, float64]{
		Add: func(d *drift, v N) {
			d.Count++
			delta := float64(v) - d.Mean
			d.Mean += delta / float64(d.Count)
			d.Sum += delta * (float64(v) - d.Mean)
		},
		Merge: func(d *drift, o drift) {
			if o.Count == 0 {
				return
			}
			n := float64(d.Count + o.Count)
			delta := o.Mean - d.Mean
			d.Sum += o.Sum + delta*delta*float64(d.Count)*(float64(o.Count)/n)
			d.Mean += delta * (float64(o.Count) / n)
			d.Count += o.Count
		},
		Finish: func(d drift) float64 {
			if d.Count < 2 {
				return math.NaN()
			}
			return d.Sum / float64(d.Count-1)
		},
	}
}
