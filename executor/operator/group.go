package operator

import (
	"bytes"
	"iter"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Grouping says how the values of a key are given to a function: streamed, by
// Within and then in (map task, position) order.
type Grouping[K, V, R any] struct {
	Key   *column.KeyType // of K
	Value *column.Type    // of V
	Out   *Edge           // of R
	// Within orders the values of a key; without it they come as they came. It
	// goes without Combine.
	Within Order[V]
	// First, above 0, says that no more than so many values of a key matter, the
	// first by Within: others need not move.
	First int
	// Combine folds values on the map side before they move; nil for none. Its
	// arguments are those of Aggregation.Fold.
	Combine func(states []V, groups []uint32, rows []KV[K, V]) []V
	// Each is called once a key; what it leaves of the values is skipped.
	Each func(ctx *Context, key K, values iter.Seq[V], emit Emit[R]) error
}

// GroupByKey returns the sorted exchange that streams groups.
func GroupByKey[K, V, R any](g Grouping[K, V, R]) *Exchange { return groupExchange(g, nil) }

// groupExchange is GroupByKey; begin, if it is not nil, makes what stands in for
// Each in a task. Its errors are the task's own, and not of user code.
func groupExchange[K, V, R any](g Grouping[K, V, R], begin func(r *groupReader[K, V, R]) func(key K, values iter.Seq[V]) error) *Exchange {
	return &Exchange{
		Edge: g.Out,
		Map: func(t *Task, x plan.Exchange) any {
			w := shuffle.NewSortWriter[V](&t.Shuffle, x.ID, g.Value)
			if g.Combine != nil {
				return newCombiner(t, g.Key, g.Value, g.Combine, w)
			}
			return newGroupWriter(t, &g, w)
		},
		Reduce: func(t *Task, out any) error {
			r := &groupReader[K, V, R]{
				grouping: g, task: t, read: t.Read, emitter: newEmitter(t.Context, out.(Receiver[R]), g.Out.typ, t.ChunkRows),
				end: func() {},
			}
			if begin != nil {
				each := begin(r)
				r.grouping.Each = func(_ *Context, key K, values iter.Seq[V], _ Emit[R]) error { return r.failed(each(key, values)) }
				defer r.end()
			}
			return shuffle.ReadSorted(t.Context, &t.Shuffle, t.Assignment.Partition, g.Value, t.Read, r.run)
		},
	}
}

// groupWriter is the map side without a combiner.
type groupWriter[K, V any] struct {
	task   *Task
	key    *column.KeyType
	keys   column.Keys
	within *orderer[KV[K, V]] // nil for none
	first  bool               // not all rows move
	writer mapWriter
}

func newGroupWriter[K, V, R any](t *Task, g *Grouping[K, V, R], w *shuffle.SortWriter[V]) *groupWriter[K, V] {
	gw := &groupWriter[K, V]{task: t, key: g.Key, first: g.First > 0, writer: w}
	if g.Within != nil {
		gw.within = newOrderer(withinKey[K](g.Key, g.Within))
		to := new(K)
		w.KeepTogether(func(key []byte) int { return g.part(key, to) })
	}
	if gw.first {
		w.KeepFirst(int64(g.First)) // so few rows of a key that none can be hot
	} else {
		w.WeighKeys(t.keyText(g.text))
	}
	return gw
}

// text is the key of a group for people; empty where it is cut off.
func (g *Grouping[K, V, R]) text(key []byte) string {
	var k K
	var err error
	if g.Within != nil {
		_, err = g.Key.DecodePart(key, unsafe.Pointer(&k), false)
	} else {
		err = g.Key.Decode(key, unsafe.Pointer(&k))
	}
	if err != nil {
		return ""
	}
	return g.Key.Text(unsafe.Pointer(&k), plan.MaxKeyTextBytes)
}

// part decodes the key of a group, with which a row's key begins, and returns its
// length: that of the whole where it is cut off.
func (g *Grouping[K, V, R]) part(key []byte, to *K) int {
	rest, err := g.Key.DecodePart(key, unsafe.Pointer(to), false)
	if err != nil {
		return len(key)
	}
	return len(key) - len(rest)
}

func (w *groupWriter[K, V]) Push(rows []KV[K, V]) error {
	if len(rows) == 0 {
		return nil
	}
	keys := &w.keys
	if w.within != nil {
		keys = w.within.keysOf(rows)
	} else {
		keysOf(w.key, keys, rows)
	}
	if !w.first {
		w.task.RowsOut.Add(int64(len(rows)))
	}
	return w.writer.Write(keys, unsafe.Pointer(&rows[0].Value), unsafe.Sizeof(rows[0]), len(rows))
}

func (w *groupWriter[K, V]) Close() error {
	if err := w.task.publish(w.writer); err != nil {
		return err
	}
	if outputs := w.task.Result.Outputs; w.first {
		w.task.RowsOut.Add(outputs[len(outputs)-1].Rows)
	}
	return nil
}

func (w *groupWriter[K, V]) MakeRoom() error { return w.writer.Spill() }

func (w *groupWriter[K, V]) Abort() { w.writer.Abort() }

// groupReader is the reduce side: it walks a merge and gives its groups.
type groupReader[K, V, R any] struct {
	grouping Grouping[K, V, R]
	task     *Task
	emitter  *emitter[R]
	read     *shuffle.Count // counts the rows
	end      func()         // frees what stands in for Each

	ties bool   // somebody asks for tied
	tied bool   // the order holds the value that was given last equal to the one before
	last []byte // key of the value that was given last, if somebody asks
	held []byte // memory for it

	merge *shuffle.Merge[V]
	key   []byte // of the group at hand
	own   []byte // memory for keys
	group int64  // number of the group at hand
	more  bool   // the merge stands at a row
	rows  int64  // read and not yet counted
}

func (r *groupReader[K, V, R]) run(m *shuffle.Merge[V]) error {
	r.merge = m
	for r.advance(); r.more; {
		if !m.LoadKey() {
			return m.Err()
		}
		key, err := r.begin(m.Key())
		if err != nil {
			return err
		}
		r.group++
		err = r.grouping.Each(r.task.Context, key, r.valuesOf(r.group), r.emitter.emit)
		switch {
		case r.task.Cause != nil:
			return r.task.Cause
		case r.emitter.err != nil:
			return r.emitter.err
		case err != nil:
			return userError(err)
		}
		for r.inGroup() {
			r.advance()
		}
	}
	r.read.Rows.Add(r.rows)
	if r.task.Cause != nil {
		return r.task.Cause
	}
	return r.emitter.flush(nil)
}

// begin begins the group of a row's key, and decodes what it has in common.
func (r *groupReader[K, V, R]) begin(whole []byte) (key K, err error) {
	if r.grouping.Within != nil {
		rest, err := r.grouping.Key.DecodePart(whole, unsafe.Pointer(&key), false)
		if err != nil {
			return key, err
		}
		whole = whole[:len(whole)-len(rest)]
	} else if err := r.grouping.Key.Decode(whole, unsafe.Pointer(&key)); err != nil {
		return key, err
	}
	if len(whole) >= shuffle.LastingKeyBytes {
		r.key = whole // it may be as large as the budget
	} else {
		r.own = append(r.own[:0], whole...)
		r.key = r.own
	}
	return key, nil
}

// valuesOf gives the values of a group that have not been given yet; once the
// group is over, nothing.
func (r *groupReader[K, V, R]) valuesOf(group int64) iter.Seq[V] {
	return func(yield func(V) bool) {
		for r.group == group && r.inGroup() {
			if r.ties {
				r.compare()
			}
			if r.merge.Large() && !r.load() {
				return
			}
			v := *r.merge.Row()
			r.advance()
			if !yield(v) {
				return
			}
		}
	}
}

func (r *groupReader[K, V, R]) inGroup() bool {
	is := r.merge.KeyIs
	if r.grouping.Within != nil {
		is = r.merge.KeyBegins
	}
	if !r.more || is(r.key) {
		return r.more
	}
	if r.task.Cause = r.merge.Err(); r.task.Cause != nil {
		r.more = false
	}
	return false
}

// compare sets tied by the key of the row at hand, which is whole in memory since
// its beginning was looked at.
func (r *groupReader[K, V, R]) compare() {
	key := r.merge.Key()
	if r.tied = bytes.Equal(key, r.last); r.tied {
		return
	}
	if len(key) >= shuffle.LastingKeyBytes {
		r.last = key // it may be as large as the budget
		return
	}
	r.held = append(r.held[:0], key...)
	r.last = r.held
}

// failed makes an error of what stands in for Each that of the task.
func (r *groupReader[K, V, R]) failed(err error) error {
	if err != nil && r.emitter.err == nil && r.task.Cause == nil {
		r.task.Cause = err
	}
	return err
}

// load reads the large row at hand; what was emitted before is handed on first,
// and what is emitted next is looked at at once.
func (r *groupReader[K, V, R]) load() bool {
	if len(r.emitter.buf.rows) > 0 {
		r.emitter.push()
	}
	r.more = r.merge.Load()
	if !r.more {
		r.task.Cause = r.merge.Err()
	}
	return r.more
}

// countRows is after how many rows they are counted, and the context looked at.
const countRows = 4096

// advance moves to the next row, and now and then counts for progress and
// looks whether the attempt is to stop, since one group may be very long.
func (r *groupReader[K, V, R]) advance() {
	if r.more = r.merge.Next(); !r.more {
		r.task.Cause = r.merge.Err()
		return
	}
	if r.rows++; r.rows == countRows {
		r.read.Rows.Add(r.rows)
		r.rows = 0
		if r.task.Cause = r.task.Context.Err(); r.task.Cause != nil {
			r.more = false
		}
	}
}
