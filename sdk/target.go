package sdk

import (
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// PartitionTarget says how many partitions Repartition or RepartitionBy are to
// make, or how large these are to be. Make it with Partitions, PartitionRows or
// PartitionBytes. A partition is what one task gets, and writes as one file.
type PartitionTarget struct {
	at  graph.Position
	op  string
	n   int64
	cut plan.Cut
}

// MaxPartitions is the most that Partitions and RepartitionWith take.
const MaxPartitions = plan.MaxPartitions

// Partitions asks for n partitions: n output files, or n tasks for an expensive
// function.
func Partitions(n int) PartitionTarget {
	return PartitionTarget{caller(), "Partitions", int64(n), plan.Cut{Partitions: n}}
}

// PartitionRows asks for partitions of n rows.
func PartitionRows(n int64) PartitionTarget {
	return PartitionTarget{caller(), "PartitionRows", n, plan.Cut{Rows: n}}
}

// PartitionBytes asks for partitions of n bytes, as rows are stored between stages:
// by columns, and compressed. Files of a compressed format take about as much.
func PartitionBytes(n int64) PartitionTarget {
	return PartitionTarget{caller(), "PartitionBytes", n, plan.Cut{Bytes: n}}
}

// cutBy is the cut that targets ask for; none is the zero Cut.
func cutBy(p *Pipeline, at graph.Position, op string, targets []PartitionTarget) (cut plan.Cut) {
	if len(targets) > 1 {
		p.failf(at, "%s takes one target: Partitions, PartitionRows or PartitionBytes, and not %d of them", op, len(targets))
	}
	for _, t := range targets {
		switch {
		case t.op == "":
			p.failf(at, "a target of %s is empty; make it with Partitions, PartitionRows or PartitionBytes", op)
		case t.n < 1:
			p.failf(t.at, "%s(%d): %s needs at least 1", t.op, t.n, op)
		case t.cut.Partitions > MaxPartitions:
			p.failf(t.at, "Partitions(%d): %s makes at most %d", t.n, op, MaxPartitions)
		default:
			cut = t.cut
		}
	}
	return cut
}
