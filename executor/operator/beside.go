package operator

import (
	"iter"
	"math"
	"unsafe"

	"github.com/sheafdata/sheaf/executor/operator/table"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// Beside is a join whose right side is broadcast: each task of the left rows has
// all right ones in a table, and the left rows pass by, in their order.
type Beside[K, L, R, T any] struct {
	Name  string          // the verb and its place in the program, for messages
	Key   *column.KeyType // of K
	Value *column.Type    // of Sided[L, R]
	Right *column.Type    // of R
	Out   *Edge           // of T
	// IsNull reports whether a key matches none; nil where every key is one.
	IsNull func(key *K) bool
	// Pass emits what becomes of a left row and the right rows of its key. It must
	// not keep its pointers, nor change what they point to.
	Pass func(row *KV[K, Sided[L, R]], rights []R, emit Emit[T])
}

// attach returns the receiver of the left rows.
func (b Beside[K, L, R, T]) attach(t *Task, side *plan.Partition, out any) any {
	return &passer[K, L, R, T]{
		beside: b, task: t, from: side,
		keys: keyViews[KV[K, Sided[L, R]]]{typ: b.Key}, out: newEmitter(t.Context, out.(Receiver[T]), b.Out.typ, t.ChunkRows),
	}
}

// passer joins left rows as they pass.
type passer[K, L, R, T any] struct {
	beside Beside[K, L, R, T]
	task   *Task
	from   *plan.Partition
	side   *sideRows[R] // nil before Open and at the end
	finder *table.Finder
	keys   keyViews[KV[K, Sided[L, R]]]
	groups []uint32
	out    *emitter[T]
}

// Open reads the side.
func (p *passer[K, L, R, T]) Open() (err error) {
	if p.side, err = readSide(p.task, &p.beside, p.from); err == nil {
		p.finder = table.NewFinder(p.side.groups)
	}
	return err
}

func (p *passer[K, L, R, T]) Push(rows []KV[K, Sided[L, R]]) error {
	p.groups = p.finder.Groups(p.keys.of(rows), p.groups[:0])
	emit := p.out.emit
	for i, group := range p.groups {
		p.beside.Pass(&rows[i], p.side.of(group), emit)
		if p.out.err != nil {
			break
		}
	}
	return p.out.flush(nil)
}

func (p *passer[K, L, R, T]) Close() error {
	p.Abort()
	return p.out.out.Close()
}

// Abort frees the table.
func (p *passer[K, L, R, T]) Abort() {
	if p.side != nil {
		p.side.held.Release()
		p.side = nil
	}
}

// sideRows is the rows of a side by key.
type sideRows[R any] struct {
	groups *table.Table // of keys
	rows   []R          // group after group
	ends   []uint32     // where each group ends in rows
	held   *memory.Reservation
}

// of returns the rows of a group, none for table.None.
func (s *sideRows[R]) of(group uint32) []R {
	if group == table.None {
		return nil
	}
	from := uint32(0)
	if group > 0 {
		from = s.ends[group-1]
	}
	return s.rows[from:s.ends[group]]
}

// sideReader makes the table of a side.
type sideReader[K, L, R, T any] struct {
	*sideRows[R]
	beside *Beside[K, L, R, T]
	task   *Task
	side   *plan.Partition
	// keys are those of the groups that are not in the table yet, whose rows are not
	// measured from seen on.
	keys    column.Keys
	views   []string
	numbers []uint32
	one     []byte
	seen    int
	bytes   int64 // that rows point to
}

// readSide reads a side whole. Rows of null keys are left out.
func readSide[K, L, R, T any](t *Task, b *Beside[K, L, R, T], side *plan.Partition) (*sideRows[R], error) {
	s := &sideReader[K, L, R, T]{
		sideRows: &sideRows[R]{groups: table.New(), held: t.Shuffle.Budget.Reserve("broadcast side")}, beside: b, task: t, side: side,
	}
	g := Grouping[K, Sided[L, R], struct{}]{Key: b.Key, Value: b.Value, Within: BySide((*Sided[L, R]).Side), Each: s.add}
	r := &groupReader[K, Sided[L, R], struct{}]{
		grouping: g, task: t, read: &t.Sides, emitter: newEmitter[struct{}](t.Context, nil, nil, 0),
	}
	err := s.begin()
	if err == nil {
		err = shuffle.ReadSorted(t.Context, &t.Shuffle, side, b.Value, &t.Sides, r.run)
	}
	if err == nil {
		err = s.flush()
	}
	if err != nil {
		s.held.Release()
		return nil, err
	}
	return s.sideRows, nil
}

// begin makes room for as many rows as the outputs hold.
func (s *sideReader[K, L, R, T]) begin() error {
	rows := int64(0)
	for _, o := range s.side.Outputs {
		rows += o.Rows
	}
	if rows >= math.MaxUint32 {
		return fault.New(fault.Invalid, "%s: the side that is broadcast has %d rows, which one table does not hold; %s", s.beside.Name, rows, s.advice())
	}
	if size := rows * int64(unsafe.Sizeof(*new(R))); !s.room(size) {
		return s.tooLarge(size)
	}
	s.rows = make([]R, 0, rows)
	return nil
}

const (
	// sideFloorShare is the part of a task's budget (one in so many) that a side gets
	// even when others hold it: a side that is broadcast for its size takes no more,
	// and the others spill.
	sideFloorShare = 4
	// sideFloorBytes it gets in any case: what the smallest of tables takes.
	sideFloorBytes = 128 << 10
)

// room takes memory from the budget, and reports whether it may.
func (s *sideReader[K, L, R, T]) room(bytes int64) bool {
	if s.held.Grow(bytes) {
		return true
	}
	if s.held.Held()+bytes > max(s.task.Shuffle.Budget.Limit()/sideFloorShare, sideFloorBytes) {
		return false
	}
	s.held.Must(bytes)
	return true
}

// add takes the rows of a key.
func (s *sideReader[K, L, R, T]) add(_ *Context, key K, values iter.Seq[Sided[L, R]], _ Emit[struct{}]) error {
	if s.beside.IsNull != nil && s.beside.IsNull(&key) {
		return nil
	}
	for v := range values {
		s.rows = append(s.rows, v.Right)
		if len(s.rows)-s.seen >= countRows {
			if err := s.measure(); err != nil {
				return s.failed(err)
			}
		}
	}
	s.ends = append(s.ends, uint32(len(s.rows)))
	s.one = s.beside.Key.Append(s.one[:0], unsafe.Pointer(&key))
	if s.keys.Add(s.one); len(s.keys.Ends) < countRows && len(s.keys.Data) < chunkBytes {
		return nil
	}
	return s.failed(s.flush())
}

// failed makes an error the task's: it is none of user code.
func (s *sideReader[K, L, R, T]) failed(err error) error {
	if err != nil && s.task.Cause == nil {
		s.task.Cause = err
	}
	return err
}

// measure counts the rows that came since it last did.
func (s *sideReader[K, L, R, T]) measure() error {
	fresh := s.rows[s.seen:]
	s.seen = len(s.rows)
	// They share the memory of the blocks that they came in, nearly all of which is theirs.
	size := sizeOf(s.beside.Right, fresh) - int64(len(fresh))*int64(unsafe.Sizeof(*new(R)))
	s.bytes += size
	if !s.room(size) {
		return s.tooLarge(s.held.Held() + size)
	}
	return nil
}

// flush puts the keys at hand into the table.
func (s *sideReader[K, L, R, T]) flush() error {
	if err := s.measure(); err != nil {
		return err
	}
	s.views = s.keys.Views(s.views[:0])
	before := s.groups.Bytes()
	if need := s.groups.Need(s.views); !s.room(need) {
		return s.tooLarge(s.held.Held() + need)
	} else {
		s.numbers = s.groups.Groups(s.views, s.numbers[:0])
		s.held.Shrink(need - (s.groups.Bytes() - before))
	}
	s.keys.Reset()
	return nil
}

// tooLarge says that a side does not fit the memory of its task.
func (s *sideReader[K, L, R, T]) tooLarge(need int64) error {
	limit := s.task.Shuffle.Budget.Limit()
	kind := fault.Invalid
	if need <= limit {
		kind = fault.Resource // others hold it, for the moment
	}
	var stored, rows int64
	for _, o := range s.side.Outputs {
		rows, stored = rows+o.Rows, stored+o.Bytes
	}
	return fault.New(kind, "%s: the side that is broadcast (%d rows, %s stored) needs more than %s in memory, and a task has %s; %s",
		s.beside.Name, rows, memory.FormatSize(stored), memory.FormatSize(need), memory.FormatSize(limit), s.advice())
}

func (s *sideReader[K, L, R, T]) advice() string {
	return "let SortMerge sort both sides, make the side smaller before the join, or give tasks more memory"
}
