package operator

import (
	"context"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Aggregation says how rows of T with keys of K fold into states of A, one a
// key, and how states become rows of R. The key is the first thing in a row of
// T. All functions work on whole chunks: the loops are compiled with the user's
// types known.
type Aggregation[T, K, A, R any] struct {
	Key   *column.KeyType // of K
	State *column.Type    // of A
	Out   *Edge           // of R
	// Counts says that A is int64 and counts the rows of a key: then Fold and
	// Merge are not used, and the table counts by itself.
	Counts bool
	// Fold folds row i into states[groups[i]]. A group equal to len(states) is
	// new and appends its state; groups appear in that order.
	Fold func(states []A, groups []uint32, rows []T) []A
	// Merge folds a state of another task, or of before a spill, likewise.
	Merge func(states []A, groups []uint32, others []A) []A
	// Finish makes the result of every key.
	Finish func(dst []R, keys []K, states []A) []R
}

// Aggregate returns the exchange that aggregates by key: a combiner on the map
// side, a hash exchange, and the same table again on the reduce side.
func Aggregate[T, K, A, R any](a Aggregation[T, K, A, R]) *Exchange {
	return &Exchange{
		Edge: a.Out,
		Map: func(t *Task, x plan.Exchange) any {
			w := shuffle.NewHashWriter[A](&t.Shuffle, x.ID, x.Buckets, a.State)
			c := newCombiner(t, a.Key, a.State, a.Fold, w)
			c.groups.counts = a.Counts
			return c
		},
		Reduce: func(t *Task, out any) error {
			r := &aggregateReader[T, K, A, R]{agg: a, task: t, out: out.(Receiver[R])}
			return r.run()
		},
	}
}

// mapWriter is the map side of an exchange, hashed or sorted.
type mapWriter interface {
	Write(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error
	Spill() error
	Finish(ctx context.Context) (plan.MapOutput, error)
	Abort()
}

// combiner folds rows into states before they move. When the budget refuses to
// let the table grow, the states go to the writer as they are and the table
// begins anew: the reduce side merges states of a key however many there are.
type combiner[T, A any] struct {
	task   *Task
	groups *groups[A]
	fold   func([]A, []uint32, []T) []A
	writer mapWriter
	keys   keyViews[T]

	// partial says that memory, and not the rows, decided when to hand states on.
	partial bool

	rows  int // in the table's groups
	check int // at how many groups to look whether it combines anything
}

const (
	// manyGroups take more memory than a cache has, fewGroups less. Between them
	// the table is worth a cache miss a row if it combines; if nearly all rows
	// are groups of their own, it is not.
	manyGroups = 128 << 10
	fewGroups  = 16 << 10
	// combineShare is the least part of the rows that must have found their group.
	combineShare = 32
)

func newCombiner[T, A any](t *Task, key *column.KeyType, state *column.Type, fold func([]A, []uint32, []T) []A, w mapWriter) *combiner[T, A] {
	return &combiner[T, A]{
		task: t, keys: keyViews[T]{typ: key}, fold: fold, writer: w,
		groups: newGroups[A](t, state, "combiner"), check: manyGroups,
	}
}

func (c *combiner[T, A]) Push(rows []T) error {
	keys := c.keys.of(rows)
	if limit := c.task.Shuffle.LongKeyBytes(); anyLong(keys, limit) {
		return c.pushLong(keys, rows, limit)
	}
	return c.push(keys, rows)
}

func (c *combiner[T, A]) push(keys []string, rows []T) error {
	if err := c.giveUp(); err != nil {
		return err
	}
	c.rows += len(rows)
	if !c.groups.room(keys) {
		c.partial = true
		if err := c.drain(); err != nil {
			return err
		}
		c.groups.insist(keys)
	}
	if c.groups.counts {
		c.groups.table.Add(keys, nil)
		return nil
	}
	c.groups.update(keys, func(states []A, numbers []uint32) []A { return c.fold(states, numbers, rows) })
	return nil
}

// giveUp hands the states to the writer when there are many and hardly a row was
// combined, and goes on with a small table, which costs less and still combines
// what repeats nearby. As long as something is combined, the table grows.
func (c *combiner[T, A]) giveUp() error {
	n := c.groups.table.Len()
	if n < c.check {
		return nil
	}
	if c.rows-n >= n/combineShare {
		c.check = 2 * n
		return nil
	}
	if err := c.drain(); err != nil {
		return err
	}
	if c.check > fewGroups {
		c.groups.shrink()
	}
	c.check = fewGroups
	return nil
}

func (c *combiner[T, A]) drain() error {
	c.rows = 0
	return c.groups.drain(func(keys *column.Keys, states []A) error {
		if err := c.task.Context.Err(); err != nil {
			return err
		}
		c.task.RowsOut.Add(int64(len(states)))
		return c.writer.Write(keys, unsafe.Pointer(&states[0]), unsafe.Sizeof(states[0]), len(states))
	})
}

func (c *combiner[T, A]) Close() error {
	if err := c.drain(); err != nil {
		return err
	}
	c.groups.release()
	if err := c.task.publish(c.writer); err != nil {
		return err
	}
	outputs := c.task.Result.Outputs
	last := &outputs[len(outputs)-1]
	last.Partial = last.Partial || c.partial
	return nil
}

// MakeRoom hands the states to the writer and makes it spill.
func (c *combiner[T, A]) MakeRoom() error {
	c.partial = true
	if err := c.drain(); err != nil {
		return err
	}
	c.groups.shrink()
	return c.writer.Spill()
}

func (c *combiner[T, A]) Abort() {
	c.groups.release()
	c.writer.Abort()
}

// publish finishes a map output and adds it to the task's result.
func (t *Task) publish(w mapWriter) error {
	out, err := w.Finish(t.Context)
	if err != nil {
		return err
	}
	out.Partial = t.Pieces
	t.Result.Outputs = append(t.Result.Outputs, out)
	return nil
}

// aggregateReader is the reduce side: it merges the states of its buckets in a
// table. When the budget refuses, the table goes to disk, split by further bits
// of the hash, and each part is aggregated by itself afterwards.
type aggregateReader[T, K, A, R any] struct {
	agg  Aggregation[T, K, A, R]
	task *Task
	out  Receiver[R]
	keys []K
	rows []R
}

func (r *aggregateReader[T, K, A, R]) run() error {
	long := r.newLongKeys()
	defer long.held.Release()
	err := r.aggregate(0, func(use func(*column.Keys, []A) error) error { return r.readLong(long, use) })
	if err != nil {
		return err
	}
	return r.emitLong(long)
}

// aggregate merges all states that read gives, and emits the results.
func (r *aggregateReader[T, K, A, R]) aggregate(level int, read func(use func(*column.Keys, []A) error) error) error {
	g := newGroups[A](r.task, r.agg.State, "aggregation")
	defer g.release()
	var parts *shuffle.Parts[A]
	defer func() {
		if parts != nil {
			parts.Close()
		}
	}()
	spill := func() error {
		r.task.Pieces = r.task.Pieces || !r.agg.Counts
		if parts == nil {
			parts = shuffle.NewParts[A](&r.task.Shuffle, level+1, r.agg.State)
		}
		return g.drain(parts.Write)
	}
	g.counts = r.agg.Counts
	var keys []string
	err := read(func(encoded *column.Keys, states []A) error {
		keys = encoded.Views(keys[:0])
		if !g.room(keys) {
			if level < shuffle.PartLevels {
				if err := spill(); err != nil {
					return err
				}
			}
			g.insist(keys)
		}
		if g.counts {
			g.table.Add(keys, any(states).([]int64))
			return nil
		}
		g.update(keys, func(mine []A, numbers []uint32) []A { return r.agg.Merge(mine, numbers, states) })
		return nil
	})
	if err != nil {
		return err
	}
	if parts == nil {
		return g.drain(r.emit)
	}
	if err := spill(); err != nil {
		return err
	}
	g.release()
	if err := parts.Finish(); err != nil {
		return err
	}
	for i := range shuffle.PartsPerLevel {
		err := r.aggregate(level+1, func(use func(*column.Keys, []A) error) error { return parts.Read(r.task.Context, i, use) })
		if err != nil {
			return err
		}
	}
	return nil
}

// emit finishes states and pushes the results.
func (r *aggregateReader[T, K, A, R]) emit(keys *column.Keys, states []A) error {
	if err := r.task.Context.Err(); err != nil {
		return err
	}
	if cap(r.keys) < len(states) {
		r.keys = make([]K, len(states))
	}
	ks := r.keys[:len(states)]
	if err := decodeKeys(r.agg.Key, keys, ks); err != nil {
		return err
	}
	r.rows = r.agg.Finish(r.rows[:0], ks, states)
	return r.out.Push(r.rows)
}
