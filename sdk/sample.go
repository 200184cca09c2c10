package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Sample gives about a fraction, from 0 to 1, of all rows. Whether a row is among
// them depends on its content and the seed alone: the same rows come however the
// input is split, and from two datasets the same rows are taken. So equal rows are
// all taken or all left out; where rows repeat a lot, sample those of ZipWithIndex,
// which do not.
func Sample[T any](in Dataset[T], fraction float64, seed uint64) Dataset[T] {
	p, at := in.pipelineOf("Sample")
	if !(fraction >= 0 && fraction <= 1) {
		p.failf(at, "Sample(%v): a fraction is from 0 to 1", fraction)
	}
	return portion(in, "Sample", seed, 0, fraction)
}

// RandomSplit gives a dataset for each fraction, with about that part of the rows; together
// the fractions are 1, and every row is in exactly one of the datasets. In which is
// decided as for Sample, so equal rows come into the same one.
func RandomSplit[T any](in Dataset[T], seed uint64, fractions ...float64) []Dataset[T] {
	p, at := in.pipelineOf("RandomSplit")
	if len(fractions) == 0 {
		p.failf(at, "RandomSplit needs fractions, such as 0.8 and 0.2")
	}
	sum := 0.0
	for _, f := range fractions {
		if !(f > 0 && f <= 1) {
			p.failf(at, "RandomSplit: %v is no fraction above 0 and up to 1", f)
		}
		sum += f
	}
	if len(fractions) > 0 && !(sum > 1-splitSlack && sum < 1+splitSlack) {
		p.failf(at, "RandomSplit: the fractions %v are %v together, and not 1", fractions, sum)
	}
	parts := make([]Dataset[T], len(fractions))
	from := 0.0
	for i, f := range fractions {
		to := from + f
		if i == len(fractions)-1 {
			to = 1 // whatever rounding has left
		}
		parts[i] = portion(in, "RandomSplit", seed, from, to)
		from = to
	}
	return parts
}

// splitSlack is how far from 1 fractions may be together: what rounding does to
// thousands of them.
const splitSlack = 1e-9

// portion gives the rows whose lots are in a part of [0, 1).
func portion[T any](in Dataset[T], op string, seed uint64, from, to float64) Dataset[T] {
	p, at := in.pipelineOf(op)
	key := keyType[T](p, at)
	d := fused[T, T](in, op, func(e *operator.Edge) *operator.Fused {
		return operator.Portion[T](e, key, seed, from, to)
	})
	d.node.Detail = fmt.Sprintf("%v to %v by %d", from, to, seed)
	return d
}

// SampleN gives n rows, or all if there are fewer: every choice of n rows is as likely
// as any other, however rows repeat. They come in no order. Which they are depends on
// the seed and on where rows stand, by task: the same program over the same input
// draws the same rows, whatever fails; with other numbers of slots, or split
// otherwise, it may draw others. It holds n rows a task in memory.
func SampleN[T any](in Dataset[T], n int, seed uint64) Dataset[T] {
	p, at := in.pipelineOf("SampleN")
	if n < 1 || n > MaxTopK {
		p.failf(at, "SampleN(%d): n must be from 1 to %d; for more rows use Sample", n, MaxTopK)
		n = 1
	}
	typ := rowType[T](p, at)
	node := &graph.Node{Op: "SampleN", At: at, Kind: plan.Gather, Detail: fmt.Sprintf("%d by %d", n, seed), Limit: n}
	return exchanged[T, T](in, node, typ, operator.SampleN[T](typ, operator.EdgeOf[T](typ), n, seed))
}
