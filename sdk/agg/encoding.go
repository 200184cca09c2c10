package agg

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// encoding writes rows of V as keys: equal rows have equal keys, and keys are
// in the order of rows.
type encoding[V any] struct{ key *column.KeyType }

func encodingOf[V any]() (encoding[V], error) {
	typ, err := column.For[V]()
	if err != nil {
		return encoding[V]{}, err
	}
	key, err := column.KeyOf(typ)
	return encoding[V]{key}, err
}

// compare is the order of rows as Sort has it.
func (e encoding[V]) compare(a, b *V) int {
	x, y := e.take(a), e.take(b)
	defer x.done()
	defer y.done()
	return strings.Compare(x.view(), y.view())
}

// decode makes the row of a key that append wrote.
func (e encoding[V]) decode(key string) (v V) {
	if err := e.key.Decode([]byte(key), unsafe.Pointer(&v)); err != nil {
		panic(err)
	}
	return v
}

// canonical is the one row that stands for all that equal v.
func (e encoding[V]) canonical(v V) V {
	k := e.take(&v)
	defer k.done()
	return e.decode(k.view())
}

func (e encoding[V]) decodeAll(keys []string) []V {
	rows := make([]V, len(keys))
	for i, k := range keys {
		rows[i] = e.decode(k)
	}
	return rows
}

// written is a key in memory that is used again: one allocation a value would
// cost more than most aggregators do.
type written struct{ key []byte }

var idle = sync.Pool{New: func() any { return new(written) }}

// take writes the key of a row; call done when it is not needed any more.
func (e encoding[V]) take(v *V) *written {
	k := idle.Get().(*written)
	k.key = e.key.Append(k.key[:0], unsafe.Pointer(v))
	return k
}

// view is the key until done.
func (k *written) view() string { return unsafe.String(unsafe.SliceData(k.key), len(k.key)) }

// done gives the memory back, unless a rare long key made it large.
func (k *written) done() {
	if cap(k.key) <= 4<<10 {
		idle.Put(k)
	}
}
