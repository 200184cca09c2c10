package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Partitioner says to which partition a key goes, by its number from 0. It must say
// the same of a key whenever it is asked.
type Partitioner[K any] func(key K) int

// RepartitionWith brings every row into the partition that a function of your own
// names for its key: the custom partitioner of other systems. There are as many
// partitions as parts says, each is one task's, and partition i writes the i-th of
// the files, with or without rows. Rows of a partition keep the order of the input;
// SortWithin puts them in another, in the same exchange. A number that is not from 0
// to parts-1 fails the job.
func RepartitionWith[K, T any](in Dataset[T], key func(T) K, parts int, partitioner Partitioner[K]) Dataset[T] {
	p, at := in.pipelineOf("RepartitionWith")
	requireFunc(p, at, "RepartitionWith's key", key)
	requireFunc(p, at, "RepartitionWith's partitioner", partitioner)
	if parts < 1 || parts > MaxPartitions {
		p.failf(at, "RepartitionWith: %d parts, but there may be from 1 to %d", parts, MaxPartitions)
		parts = 1
	}
	number := operator.PartBy(key, partitioner, parts, func(n int) error {
		return fmt.Errorf("%v: the partitioner of RepartitionWith gave %d, and parts are numbered from 0 to %d", at.Short(), n, parts-1)
	})
	return parted(in, "RepartitionWith", typeName[K](), plan.Cut{Numbered: true, Partitions: parts}, parts, number)
}
