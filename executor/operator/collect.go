package operator

import (
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// CollectLimitBytes bounds what the tasks of a job may send to the driver together.
const CollectLimitBytes = 64 << 20

// CollectTooLarge says that collected rows take more than CollectLimitBytes.
func CollectTooLarge(bytes int64) error {
	return fault.New(fault.Invalid, "Collect holds %s, more than the %s that a driver takes; write the rows to files, or reduce them first (Count, TopK)",
		memory.FormatSize(bytes), memory.FormatSize(CollectLimitBytes))
}

// Collect returns the sink that hands all rows to use, in the driver, when the
// job has succeeded.
func Collect[T any](typ *column.Type, use func(rows []T) error) *Output {
	return &Output{
		Write: func(t *Task, sink plan.Sink) any {
			return &collector[T]{task: t, sink: sink.ID, blocks: shuffle.NewRowBlocks[T](&t.Shuffle, typ)}
		},
		Collected: func(blocks [][]byte) error {
			var all []T
			err := shuffle.DecodeRowBlocks(typ, blocks, func(rows []T) error {
				all = append(all, rows...)
				return nil
			})
			if err != nil {
				return err
			}
			return use(all)
		},
	}
}

type collector[T any] struct {
	task   *Task
	sink   plan.SinkID
	blocks *shuffle.RowBlocks[T]
}

func (c *collector[T]) Push(rows []T) error {
	c.task.RowsOut.Add(int64(len(rows)))
	if err := c.blocks.Add(rows); err != nil {
		return err
	}
	if n := c.blocks.Bytes(); n > CollectLimitBytes {
		return CollectTooLarge(n)
	}
	return nil
}

func (c *collector[T]) Close() error {
	blocks, err := c.blocks.Finish()
	if err != nil {
		return err
	}
	c.task.Result.Rows = append(c.task.Result.Rows, plan.CollectedRows{Sink: c.sink, Blocks: blocks})
	return nil
}

func (c *collector[T]) Abort() { c.blocks.Abort() }
