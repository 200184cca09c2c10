package sdk_test

import (
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
)

// inTasks gives rows with the number of the task that has them.
func inTasks[T any](d sdk.Dataset[T]) sdk.Dataset[string] {
	return sdk.MapErr(d, func(ctx *sdk.Context, row T) (string, error) {
		return fmt.Sprintf("task %s: %v", ctx.TaskID(), row), nil
	})
}

// Rows keep their order.
func ExampleRepartition() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return inTasks(sdk.Repartition(sdk.Values(p, "a", "b", "c", "d"), sdk.Partitions(2)))
	})
	// Output:
	// task 1/0: a
	// task 1/0: b
	// task 1/1: c
	// task 1/1: d
}

// Three partitions write three files.
func ExamplePartitions() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return inTasks(sdk.Repartition(sdk.Values(p, "a", "b", "c"), sdk.Partitions(3)))
	})
	// Output:
	// task 1/0: a
	// task 1/1: b
	// task 1/2: c
}

// What fits into the size that was asked for is not spread.
func ExamplePartitionBytes() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return inTasks(sdk.Repartition(sdk.Values(p, "a", "b", "c"), sdk.PartitionBytes(64<<20)))
	})
	// Output:
	// task 1/0: a
	// task 1/0: b
	// task 1/0: c
}

// A row is the least that a partition has.
func ExamplePartitionRows() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return inTasks(sdk.Repartition(sdk.Values(p, "a", "b", "c"), sdk.PartitionRows(2)))
	})
	// Output:
	// task 1/0: a
	// task 1/0: b
	// task 1/1: c
}

// All sales of a product come to one task, in the order of the input.
func ExampleRepartitionBy() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sale] {
		return sdk.RepartitionBy(sales(p), product, sdk.Partitions(1))
	})
	// Output:
	// {pen 150}
	// {ink 900}
	// {nib 150}
}

// Dear products and others are kept apart.
func ExampleRepartitionWith() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return inTasks(sdk.RepartitionWith(sales(p), cents, 2, func(cents int64) int {
			if cents >= 500 {
				return 0
			}
			return 1
		}))
	})
	// Output:
	// task 1/0: {ink 900}
	// task 1/1: {pen 150}
	// task 1/1: {nib 150}
}

// Rows move once: they are sorted on their way to the partition.
func ExampleSortWithin() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		parts := sdk.RepartitionWith(sales(p), cents, 2, func(cents int64) int { return int(cents / 500) })
		return inTasks(sdk.SortWithin(parts, sdk.By(product)))
	})
	// Output:
	// task 1/0: {nib 150}
	// task 1/0: {pen 150}
	// task 1/1: {ink 900}
}

// Every run of the program takes the same rows.
func ExampleSample() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.Sort(sdk.Sample(sdk.Values(p, 1, 2, 3, 4, 5, 6, 7, 8), 0.5, 1))
	})
	// Output:
	// 2
	// 4
	// 6
	// 7
}

// The parts have every row once.
func ExampleRandomSplit() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		parts := sdk.RandomSplit(sdk.Values(p, 1, 2, 3, 4), 1, 0.75, 0.25)
		return sdk.Sort(sdk.Union(parts[0], parts[1]))
	})
	// Output:
	// 1
	// 2
	// 3
	// 4
}

func ExampleSampleN() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.Sort(sdk.SampleN(sdk.Values(p, 1, 2, 3), 5, 1))
	})
	// Output:
	// 1
	// 2
	// 3
}

func ExampleZipWithIndex() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[int64, string]] {
		return sdk.ZipWithIndex(sdk.Values(p, "a", "b"))
	})
	// Output:
	// {0 a}
	// {1 b}
}
