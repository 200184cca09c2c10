package operator

import (
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/shuffle"
)

// Keys that are long, of which a budget holds few, do not go through tables:
// the map side writes their rows as they come, and the reduce side leaves them
// on disk until it gives their results, one after another.

// anyLong reports whether there is a key of limit bytes or more.
func anyLong(keys []string, limit int64) bool {
	for _, k := range keys {
		if int64(len(k)) >= limit {
			return true
		}
	}
	return false
}

// pushLong takes rows of which some have long keys.
func (c *combiner[T, A]) pushLong(keys []string, rows []T, limit int64) error {
	defer c.keys.forget()
	for i, key := range keys {
		one := rows[i : i+1]
		if int64(len(key)) < limit {
			if err := c.push([]string{key}, one); err != nil {
				return err
			}
			continue
		}
		c.partial = true // the limit follows the budget
		state := c.alone(one)
		view := column.ViewKey(unsafe.Slice(unsafe.StringData(key), len(key)))
		c.task.RowsOut.Add(1)
		if err := c.writer.Write(&view, unsafe.Pointer(&state[0]), unsafe.Sizeof(state[0]), 1); err != nil {
			return err
		}
	}
	return nil
}

// alone is the state of a single row.
func (c *combiner[T, A]) alone(row []T) []A {
	if c.groups.counts {
		return any([]int64{1}).([]A)
	}
	return c.fold(nil, []uint32{0}, row)
}

// longKeys are the states of long keys, on the reduce side.
type longKeys[A any] struct {
	typ    *column.Type // of A
	merge  func(states []A, groups []uint32, others []A) []A
	counts bool
	held   *memory.Reservation

	keys   []*shuffle.LongKey
	states []A
	byHash map[xxh3.Uint128][]int // numbers of keys
}

// longKeyBytes is about what is held for a long key.
const longKeyBytes = 512

// add merges the state of a key.
func (l *longKeys[A]) add(key *shuffle.LongKey, state []A) error {
	n, err := l.find(key)
	if err != nil {
		return err
	}
	if n == len(l.keys) {
		l.held.Must(longKeyBytes)
		l.keys = append(l.keys, key)
		l.byHash[key.Hash] = append(l.byHash[key.Hash], n)
	}
	switch {
	case !l.counts:
		l.states = l.merge(l.states, []uint32{uint32(n)}, state)
		// The states' memory is that of blocks with others.
		l.typ.Own(unsafe.Pointer(&l.states[n]), nil)
	case n == len(l.states):
		l.states = append(l.states, state[0])
	default:
		any(l.states).([]int64)[n] += any(state).([]int64)[0]
	}
	return nil
}

// find returns the number of a key: the next one for a new key.
func (l *longKeys[A]) find(key *shuffle.LongKey) (int, error) {
	for _, n := range l.byHash[key.Hash] {
		same, err := l.keys[n].Same(key)
		if same || err != nil {
			return n, err
		}
	}
	return len(l.keys), nil
}

// readLong reads the partition: what has long keys goes to long, all else to use.
func (r *aggregateReader[T, K, A, R]) readLong(long *longKeys[A], use func(*column.Keys, []A) error) error {
	t, limit := r.task, r.task.Shuffle.LongKeyBytes()
	split := func(keys *column.Keys, states []A) error {
		if keys.Size() < limit {
			return use(keys, states)
		}
		for i := range states {
			key, one := keys.At(i), states[i:i+1]
			var err error
			if int64(len(key)) >= limit {
				err = long.add(shuffle.KeepKey(key), one) // another task's budget did not call it long
			} else {
				view := column.ViewKey(key)
				err = use(&view, one)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return shuffle.ReadHashLong(t.Context, &t.Shuffle, t.Assignment.Partition, r.agg.State, t.Read, split, long.add)
}

func (r *aggregateReader[T, K, A, R]) newLongKeys() *longKeys[A] {
	return &longKeys[A]{
		typ: r.agg.State, merge: r.agg.Merge, counts: r.agg.Counts,
		held: r.task.Shuffle.Budget.Reserve("long keys"), byHash: map[xxh3.Uint128][]int{},
	}
}

// emitLong gives the results of long keys.
func (r *aggregateReader[T, K, A, R]) emitLong(long *longKeys[A]) error {
	for i, key := range long.keys {
		if err := r.emitOne(key, long.states[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *aggregateReader[T, K, A, R]) emitOne(key *shuffle.LongKey, state []A) error {
	if err := r.task.Context.Err(); err != nil {
		return err
	}
	r.task.Shuffle.LeaveLarge()
	if err := r.task.Shuffle.EnterLarge(key.Bytes); err != nil {
		return err
	}
	encoded, err := key.Load()
	if err != nil {
		return err
	}
	ks := make([]K, 1)
	if r.agg.Key.IsString() {
		*(*string)(unsafe.Pointer(&ks[0])) = unsafe.String(unsafe.SliceData(encoded), len(encoded))
	} else if err := r.agg.Key.Decode(encoded, unsafe.Pointer(&ks[0])); err != nil {
		return err
	}
	err = r.out.Push(r.agg.Finish(nil, ks, state))
	r.task.Shuffle.LeaveLarge()
	return err
}
