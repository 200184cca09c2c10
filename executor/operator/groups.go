package operator

import (
	"slices"
	"unsafe"

	"github.com/sheafdata/sheaf/executor/operator/table"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
)

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
	// measured is what owned was when it was last measured.
	measured int64
	flat     bool
	// counts says that the states are sums, which stand in the table until drain.
	counts bool
}

func newGroups[A any](t *Task, typ *column.Type, owner string) *groups[A] {
	g := &groups[A]{table: table.Get(), typ: typ, held: t.Shuffle.Budget.Reserve(owner), flat: typ.Flat()}
	// A table that a larger budget let grow would leave nothing of this one.
	if g.table.Bytes() > t.Shuffle.Budget.Limit()/tableShare {
		g.table.Shrink()
	}
	return g
}

// tableShare is the part of a budget that an empty table may hold.
const tableShare = 4

// room reports whether the budget lets the table take keys. A table without
// groups always takes them.
func (g *groups[A]) room(keys []string) bool {
	if g.reserve(keys) {
		return true
	}
	if g.table.Len() == 0 {
		g.insist(keys)
		return true
	}
	if g.flat || g.owned <= g.measured*2 {
		return false
	}
	// owned counts every copy that was ever made; of states that are replaced
	// again and again, most are garbage by now.
	g.measure()
	return g.reserve(keys)
}

// measure sets owned to what the states hold.
func (g *groups[A]) measure() {
	var a A
	g.owned = 0
	for i := range g.states {
		g.owned += g.typ.Size(unsafe.Pointer(&g.states[i])) - int64(unsafe.Sizeof(a))
	}
	g.measured = g.owned
}

// reserve asks the budget for what the table needs to take keys.
func (g *groups[A]) reserve(keys []string) bool {
	need := g.need(keys)
	return need <= g.held.Held() || g.held.Set(need)
}

// insist reserves what the table needs to take keys though the budget refuses:
// after a spill there is nothing else that could give way.
func (g *groups[A]) insist(keys []string) {
	if more := g.need(keys) - g.held.Held(); more > 0 && !g.held.Grow(more) {
		g.held.Must(more)
	}
}

// need is what the table holds at most after it took keys.
func (g *groups[A]) need(keys []string) int64 {
	var a A
	size := int64(unsafe.Sizeof(a))
	if !g.flat {
		size *= 2
	}
	return g.table.Bytes() + g.table.Need(keys) + g.owned + size*int64(growth(g.table.Len()+len(keys), cap(g.states)))
}

// growth is the capacity that appending up to n leads to, by the doubling of append.
func growth(n, capacity int) int {
	if n <= capacity {
		return capacity
	}
	return max(n, 2*capacity)
}

// update finds or adds the groups of keys and lets fold change their states.
func (g *groups[A]) update(keys []string, fold func(states []A, numbers []uint32) []A) {
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
	if g.counts {
		g.states = slices.Grow(g.states[:0], g.table.Len())[:g.table.Len()]
		g.table.Sums(any(g.states).([]int64))
	}
	var keys column.Keys
	for from, end := 0, 0; from < len(g.states); from = end {
		end = g.drainEnd(from)
		keys.View(g.table.Keys(from, end, keys.Ends[:0]))
		if err := use(&keys, g.states[from:end]); err != nil {
			return err
		}
	}
	g.table.Reset()
	clear(g.states)
	clear(g.before)
	g.states, g.before, g.owned, g.measured = g.states[:0], g.before[:0], 0, 0
	return nil
}

// drainEnd is where the groups end that are handed on together with that at from.
func (g *groups[A]) drainEnd(from int) int {
	end := min(from+drainRows, len(g.states))
	for end > from+1 && g.table.KeyBytes(from, end) > chunkBytes {
		end = from + (end-from)/2
	}
	for !g.flat && end > from+1 && sizeOf(g.typ, g.states[from:end]) > chunkBytes {
		end = from + (end-from)/2
	}
	return end
}

// shrink frees the memory of a table without groups.
func (g *groups[A]) shrink() {
	g.table.Shrink()
	g.states, g.before = nil, nil
	g.held.Set(0)
}

func (g *groups[A]) release() {
	if g.table != nil {
		table.Put(g.table)
	}
	g.table, g.states, g.before = nil, nil, nil
	g.held.Release()
}
