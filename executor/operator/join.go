package operator

import (
	"iter"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/shuffle"
)

// Sided is a row of one of two datasets that are brought together by key. The rows
// of a key stand by side: those of the right one, which a join keeps, first.
type Sided[L, R any] struct {
	IsLeft bool
	Left   L
	Right  R
}

// Side is 0 for a row of the right side and 1 for one of the left.
func (s *Sided[L, R]) Side() byte {
	if s.IsLeft {
		return 1
	}
	return 0
}

// Join says which rows of two sides meet, and what is made of them.
type Join[K, L, R, T any] struct {
	Key   *column.KeyType // of K
	Value *column.Type    // of Sided[L, R]
	Left  *column.Type    // of L
	Right *column.Type    // of R
	Out   *Edge           // of T
	Name  string          // the verb and its place in the program, for messages
	// KeepLeft and KeepRight give rows without a partner, which then is nil.
	KeepLeft, KeepRight bool
	// IsNull reports whether a key matches none; nil where every key is one.
	IsNull func(key *K) bool
	// Pair must not keep its pointers: what they point to changes.
	Pair func(key K, l *L, r *R) T
}

// JoinSorted returns the sorted exchange that joins: the right rows of a key are
// kept in memory, or on disk when there is no room, and the left ones pass by.
// Unless right rows are kept that have no partner, the right side can be broadcast.
func JoinSorted[K, L, R, T any](j Join[K, L, R, T]) *Exchange {
	g := Grouping[K, Sided[L, R], T]{Key: j.Key, Value: j.Value, Out: j.Out, Within: BySide((*Sided[L, R]).Side)}
	x := groupExchange(g, func(r *groupReader[K, Sided[L, R], T]) func(K, iter.Seq[Sided[L, R]]) error {
		k := &joiner[K, L, R, T]{join: j, task: r.task, out: r.emitter, rights: newReplay[R](r.task, j.Right)}
		r.end = k.rights.release
		return k.pair
	})
	if !j.KeepRight {
		x.Beside = j.beside().attach
	}
	return x
}

// beside is the join with its right side broadcast.
func (j *Join[K, L, R, T]) beside() Beside[K, L, R, T] {
	keepLeft, pair := j.KeepLeft, j.Pair
	return Beside[K, L, R, T]{
		Name: j.Name, Key: j.Key, Value: j.Value, Right: j.Right, Out: j.Out, IsNull: j.IsNull,
		Pass: func(row *KV[K, Sided[L, R]], rights []R, emit Emit[T]) {
			if len(rights) == 0 && keepLeft {
				emit(pair(row.Key, &row.Value.Left, nil))
			}
			for i := range rights {
				emit(pair(row.Key, &row.Value.Left, &rights[i]))
			}
		},
	}
}

// FilterJoin returns the sorted exchange that gives left rows by whether their key
// stands on the right. Left and Pair of the join are not used.
func FilterJoin[K, L any](j Join[K, L, struct{}, KV[K, L]], matched bool) *Exchange {
	x := GroupByKey(Grouping[K, Sided[L, struct{}], KV[K, L]]{
		Key: j.Key, Value: j.Value, Out: j.Out, Within: BySide((*Sided[L, struct{}]).Side),
		Each: func(_ *Context, key K, values iter.Seq[Sided[L, struct{}]], emit Emit[KV[K, L]]) error {
			null := j.IsNull != nil && j.IsNull(&key)
			found := false
			for v := range values {
				if !v.IsLeft {
					found = !null
				} else if found != matched {
					return nil
				} else {
					emit(KV[K, L]{Key: key, Value: v.Left})
				}
			}
			return nil
		},
	})
	x.Beside = Beside[K, L, struct{}, KV[K, L]]{
		Name: j.Name, Key: j.Key, Value: j.Value, Right: j.Right, Out: j.Out, IsNull: j.IsNull,
		Pass: func(row *KV[K, Sided[L, struct{}]], rights []struct{}, emit Emit[KV[K, L]]) {
			if len(rights) > 0 == matched {
				emit(KV[K, L]{Key: row.Key, Value: row.Value.Left})
			}
		},
	}.attach
	return x
}

// joiner joins the rows of one task.
type joiner[K, L, R, T any] struct {
	join   Join[K, L, R, T]
	task   *Task
	out    *emitter[T]
	rights *replay[R]
	lefts  []L
	bytes  int64 // of lefts
	// left and right are the rows that Pair gets from the stream: variables would
	// be allocated one by one.
	left  L
	right R
}

// pair joins the rows of one key.
func (k *joiner[K, L, R, T]) pair(key K, values iter.Seq[Sided[L, R]]) error {
	k.rights.reset()
	null := k.join.IsNull != nil && k.join.IsNull(&key)
	matched := false
	for v := range values {
		switch {
		case !v.IsLeft && null && !k.join.KeepRight:
		case !v.IsLeft && null:
			k.right = v.Right
			k.out.emit(k.join.Pair(key, nil, &k.right))
		case !v.IsLeft:
			if err := k.rights.add(v.Right); err != nil {
				return err
			}
		case null || k.rights.len == 0:
			if !k.join.KeepLeft {
				return k.out.err // nor will the next ones find a partner
			}
			k.left = v.Left
			k.out.emit(k.join.Pair(key, &k.left, nil))
		default:
			matched = true
			if err := k.pairLeft(key, v.Left); err != nil {
				return err
			}
		}
		if k.out.err != nil {
			return k.out.err
		}
	}
	if matched {
		return k.flush(key)
	}
	if !k.join.KeepRight {
		return nil
	}
	return k.rights.each(func(rows []R) error {
		for i := range rows {
			k.out.emit(k.join.Pair(key, nil, &rows[i]))
		}
		return k.out.err
	})
}

// pairLeft pairs a left row with all right ones: at once while those are in memory,
// with others together when they must be read again.
func (k *joiner[K, L, R, T]) pairLeft(key K, l L) error {
	k.left = l
	if k.rights.parts != nil {
		k.lefts = append(k.lefts, l)
		if k.bytes += k.join.Left.Size(unsafe.Pointer(&k.left)); k.bytes < chunkBytes && len(k.lefts) < cap(k.out.buf.rows) {
			return nil
		}
		return k.flush(key)
	}
	rows := k.rights.rows
	for i := range rows {
		k.out.emit(k.join.Pair(key, &k.left, &rows[i]))
	}
	return k.out.err
}

// flush pairs the left rows that wait.
func (k *joiner[K, L, R, T]) flush(key K) error {
	if len(k.lefts) == 0 {
		return nil
	}
	err := k.rights.each(func(rows []R) error {
		for i := range k.lefts {
			for n := range rows {
				k.out.emit(k.join.Pair(key, &k.lefts[i], &rows[n]))
			}
			if k.out.err != nil {
				return k.out.err
			}
		}
		return nil
	})
	clear(k.lefts)
	k.lefts, k.bytes = k.lefts[:0], 0
	return err
}

// replay keeps rows to be read again: in memory, and on disk when the budget
// refuses more.
type replay[V any] struct {
	task *Task
	typ  *column.Type
	held *memory.Reservation
	len  int64

	rows  []V
	bytes int64 // of rows
	parts *shuffle.Parts[V]
	ended bool // parts is written
	keys  column.Keys
}

func newReplay[V any](t *Task, typ *column.Type) *replay[V] {
	return &replay[V]{task: t, typ: typ, held: t.Shuffle.Budget.Reserve("join")}
}

// leastReplayRows are kept in memory whatever the budget says.
const leastReplayRows = 64

func (r *replay[V]) add(row V) error {
	r.len++
	if r.parts == nil {
		// Its strings are a part of a block that would stay with it.
		r.bytes += int64(unsafe.Sizeof(row)) + r.typ.Own(unsafe.Pointer(&row), nil)
		r.rows = append(r.rows, row)
		if need := r.bytes + int64(cap(r.rows)-len(r.rows))*int64(unsafe.Sizeof(row)); need <= r.held.Held() || r.held.Set(need) || len(r.rows) <= leastReplayRows && need < chunkBytes {
			return nil
		}
		r.parts = shuffle.NewReplay[V](&r.task.Shuffle, r.typ)
		return r.spill()
	}
	if r.rows = append(r.rows, row); len(r.rows) < countRows {
		if r.bytes += r.typ.Size(unsafe.Pointer(&row)); r.bytes < chunkBytes {
			return nil
		}
	}
	return r.spill()
}

// spill moves the rows in memory to disk.
func (r *replay[V]) spill() error {
	r.keys.Reset()
	for range r.rows {
		r.keys.Add(nil)
	}
	err := r.parts.Write(&r.keys, r.rows)
	clear(r.rows)
	if r.rows, r.bytes = r.rows[:0], 0; cap(r.rows) > countRows {
		r.rows = nil // as large as the budget
	}
	r.held.Set(int64(cap(r.rows)) * int64(unsafe.Sizeof(*new(V))))
	return err
}

// each gives all rows; nothing is added afterwards until reset.
func (r *replay[V]) each(use func(rows []V) error) error {
	if r.parts == nil {
		return use(r.rows)
	}
	if !r.ended {
		if err := r.spill(); err != nil {
			return err
		}
		if err := r.parts.Finish(); err != nil {
			return err
		}
		r.ended = true
	}
	return r.parts.Read(r.task.Context, 0, func(_ *column.Keys, rows []V) error { return use(rows) })
}

// reset forgets the rows.
func (r *replay[V]) reset() {
	if r.parts != nil {
		r.parts.Close()
		r.parts, r.ended = nil, false
	}
	clear(r.rows)
	r.rows, r.bytes, r.len = r.rows[:0], 0, 0
	if cap(r.rows) > countRows {
		r.rows = nil
	}
	r.held.Set(int64(cap(r.rows)) * int64(unsafe.Sizeof(*new(V))))
}

func (r *replay[V]) release() {
	if r.parts != nil {
		r.parts.Close()
		r.parts = nil
	}
	r.held.Release()
}
