package operator

import (
	"context"
	"unsafe"

	"github.com/sheafdata/sheaf/executor/operator/table"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
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
			return newCombiner(t, a.Key, a.State, a.Fold, w)
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
	key    *column.KeyType
	writer mapWriter
	keys   column.Keys
}

func newCombiner[T, A any](t *Task, key *column.KeyType, state *column.Type, fold func([]A, []uint32, []T) []A, w mapWriter) *combiner[T, A] {
	return &combiner[T, A]{
		task: t, key: key, fold: fold, writer: w,
		groups: newGroups[A](t.Shuffle.Budget, state, "combiner"),
	}
}

func (c *combiner[T, A]) Push(rows []T) error {
	keysOf(c.key, &c.keys, rows)
	if !c.groups.room(&c.keys) {
		if err := c.drain(); err != nil {
			return err
		}
		c.groups.insist(&c.keys)
	}
	c.groups.update(&c.keys, func(states []A, numbers []uint32) []A { return c.fold(states, numbers, rows) })
	return nil
}

func (c *combiner[T, A]) drain() error {
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
	return c.task.publish(c.writer)
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
	t := r.task
	return r.aggregate(0, func(use func(*column.Keys, []A) error) error {
		return shuffle.ReadHash(t.Context, &t.Shuffle, t.Assignment.Partition, r.agg.State, t.Read, use)
	})
}

// aggregate merges all states that read gives, and emits the results.
func (r *aggregateReader[T, K, A, R]) aggregate(level int, read func(use func(*column.Keys, []A) error) error) error {
	g := newGroups[A](r.task.Shuffle.Budget, r.agg.State, "aggregation")
	defer g.release()
	var parts *shuffle.Parts[A]
	defer func() {
		if parts != nil {
			parts.Close()
		}
	}()
	spill := func() error {
		if parts == nil {
			parts = shuffle.NewParts[A](&r.task.Shuffle, level+1, r.agg.State)
		}
		return g.drain(parts.Write)
	}
	err := read(func(keys *column.Keys, states []A) error {
		if !g.room(keys) {
			if level < shuffle.PartLevels {
				if err := spill(); err != nil {
					return err
				}
			}
			g.insist(keys)
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
	if err := r.task.Context.Err(); err != nil {
		return err
	}
	if cap(r.keys) < len(states) {
		r.keys = make([]K, len(states))
	}
	ks := r.keys[:len(states)]
	if err := decodeKeys(r.agg.Key, keys.At, ks); err != nil {
		return err
	}
	r.rows = r.agg.Finish(r.rows[:0], ks, states)
	return r.out.Push(r.rows)
}

// groups is a table of keys with a state each, inside a budget.
type groups[A any] struct {
	table   *table.Table
	states  []A
	typ     *column.Type
	held    *memory.Reservation
	numbers []uint32
	// before holds the states as they were when last owned; nil where states
	// own their memory anyway.
	before []A
	owned  int64 // bytes that states own, at most
	// counted is what owned was when it was last counted exactly.
	counted int64
	flat    bool
}

func newGroups[A any](budget *memory.Budget, typ *column.Type, owner string) *groups[A] {
	return &groups[A]{table: table.New(), typ: typ, held: budget.Reserve(owner), flat: typ.Flat()}
}

// room reports whether the budget lets the table take keys. A table without
// groups always takes them.
func (g *groups[A]) room(keys *column.Keys) bool {
	if g.reserve(keys) {
		return true
	}
	if g.table.Len() == 0 {
		g.insist(keys)
		return true
	}
	if g.flat || g.owned <= g.counted*2 {
		return false
	}
	// owned counts every copy that was ever made; of states that are replaced
	// again and again, most are garbage by now.
	g.count()
	return g.reserve(keys)
}

// count sets owned to what the states hold.
func (g *groups[A]) count() {
	var a A
	g.owned = 0
	for i := range g.states {
		g.owned += g.typ.Size(unsafe.Pointer(&g.states[i])) - int64(unsafe.Sizeof(a))
	}
	g.counted = g.owned
}

// reserve asks the budget for what the table needs to take keys.
func (g *groups[A]) reserve(keys *column.Keys) bool {
	need := g.need(keys)
	return need <= g.held.Held() || g.held.Set(need)
}

// insist reserves what the table needs to take keys though the budget refuses:
// after a spill there is nothing else that could give way.
func (g *groups[A]) insist(keys *column.Keys) {
	if more := g.need(keys) - g.held.Held(); more > 0 && !g.held.Grow(more) {
		g.held.Must(more)
	}
}

// need is what the table holds at most after it took keys.
func (g *groups[A]) need(keys *column.Keys) int64 {
	var a A
	size := int64(unsafe.Sizeof(a))
	if !g.flat {
		size *= 2
	}
	return g.table.Bytes() + g.table.Need(keys) + g.owned + size*int64(growth(len(g.states)+keys.Len(), cap(g.states)))
}

// growth is the capacity that appending up to n leads to, by the doubling of append.
func growth(n, capacity int) int {
	if n <= capacity {
		return capacity
	}
	return max(n, 2*capacity)
}

// update finds or adds the groups of keys and lets fold change their states.
func (g *groups[A]) update(keys *column.Keys, fold func(states []A, numbers []uint32) []A) {
	g.numbers = g.table.Groups(keys, g.numbers[:0])
	g.states = fold(g.states, g.numbers)
	if g.flat {
		return
	}
	// States must not pin the buffers of the rows that they came from, or a
	// table of short strings would keep the whole input in memory.
	for len(g.before) < len(g.states) {
		var zero A
		g.before = append(g.before, zero)
	}
	for _, n := range g.numbers {
		g.owned += g.typ.Own(unsafe.Pointer(&g.states[n]), unsafe.Pointer(&g.before[n]))
		g.before[n] = g.states[n]
	}
}

// drainRows is how many groups are handed on at once.
const drainRows = 1024

// drain hands all groups on, in the order of their first sight, and forgets them.
func (g *groups[A]) drain(use func(keys *column.Keys, states []A) error) error {
	var keys column.Keys
	for from := 0; from < len(g.states); from += drainRows {
		end := min(from+drainRows, len(g.states))
		keys.Reset()
		for i := from; i < end; i++ {
			keys.Add(g.table.Key(i))
		}
		if err := use(&keys, g.states[from:end]); err != nil {
			return err
		}
	}
	g.table.Reset()
	clear(g.states)
	clear(g.before)
	g.states, g.before, g.owned, g.counted = g.states[:0], g.before[:0], 0, 0
	return nil
}

func (g *groups[A]) release() {
	g.table, g.states, g.before = nil, nil, nil
	g.held.Release()
}
