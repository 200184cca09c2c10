package operator

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// Write returns the sink that writes rows as files of a format. A task without
// rows writes no file.
func Write[T any](format graph.Format[T]) *Output {
	return &Output{Write: func(t *Task, sink plan.Sink) any {
		return &fileWriter[T]{task: t, sink: sink, format: format}
	}}
}

type fileWriter[T any] struct {
	task   *Task
	sink   plan.Sink
	format graph.Format[T]

	staged *storage.Staged
	name   string
	rows   graph.RowWriter[T]
	count  int64
}

func (w *fileWriter[T]) Push(rows []T) error {
	if len(rows) == 0 || w.task.Shuffle.Discard || w.task.Repeats {
		return nil
	}
	if w.rows == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	w.count += int64(len(rows))
	w.task.RowsOut.Add(int64(len(rows)))
	return w.rows.Write(rows)
}

func (w *fileWriter[T]) open() (err error) {
	stage := w.task.Stages[w.sink.ID]
	if stage == nil {
		return fault.New(fault.Internal, "no staging directory for sink %d", w.sink.ID)
	}
	w.name = fmt.Sprintf("%v-k%d%s", w.task.Assignment.Attempt, w.sink.ID, w.sink.Suffix)
	if w.staged, err = stage.Create(w.name); err != nil {
		return err
	}
	w.rows, err = w.format.NewWriter(w.staged)
	return err
}

func (w *fileWriter[T]) Close() error {
	if w.rows == nil {
		return nil
	}
	if err := w.rows.Close(); err != nil {
		return err
	}
	size, hash, err := w.staged.Commit()
	if err != nil {
		return err
	}
	w.staged = nil
	w.task.Result.Figures.BytesOut += size
	w.task.Result.Figures.SinkRows += w.count
	w.task.Result.Files = append(w.task.Result.Files, plan.StagedFile{
		Sink: w.sink.ID, Attempt: w.task.Assignment.Attempt, Name: w.name, Bytes: size, Rows: w.count, XXH3: hash,
	})
	return nil
}

// Abort deletes what is staged.
func (w *fileWriter[T]) Abort() {
	if w.staged != nil {
		w.staged.Abort()
		w.staged = nil
	}
}
