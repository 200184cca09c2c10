package column

import (
	"math"

	"github.com/sheafdata/sheaf/internal/fault"
)

// MaxKeysBytes is how many bytes of keys one Keys can hold: ends are 32 bits
// wide, and a little room is left so that sums with small numbers cannot wrap.
const MaxKeysBytes = math.MaxUint32 - 64

// Keys holds the keys of a chunk of rows, one after another, without a pointer
// for the garbage collector to follow. The zero value is empty and ready. One
// goroutine may change it; several may read.
type Keys struct {
	// Data holds the keys' bytes.
	Data []byte
	// Ends holds where in Data each key ends.
	// Invariant: ascending, and the last is len(Data).
	Ends []uint32

	view bool // Data belongs to somebody else and is not to be written
}

// Len returns the number of keys.
func (k *Keys) Len() int { return len(k.Ends) }

// At returns key i as a view, valid until k changes.
func (k *Keys) At(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = k.Ends[i-1]
	}
	end := k.Ends[i]
	return k.Data[start:end:end]
}

// Reset forgets the keys and keeps the memory that is k's own.
func (k *Keys) Reset() {
	if k.view {
		k.Data, k.view = nil, false
	}
	k.Data, k.Ends = k.Data[:0], k.Ends[:0]
}

// Bytes returns the bytes of memory that k holds on to, a viewed frame included.
func (k *Keys) Bytes() int64 { return int64(cap(k.Data)) + 4*int64(cap(k.Ends)) }

// Add appends a copy of key. Beyond MaxKeysBytes it panics with an error of
// kind Resource: callers hold chunks, which a budget keeps far smaller.
func (k *Keys) Add(key []byte) {
	k.Data = append(k.Data, key...)
	k.Ends = append(k.Ends, uint32(len(k.Data)))
	checkKeysBytes(len(k.Data))
}

func checkKeysBytes(n int) {
	if uint64(n) > MaxKeysBytes {
		panic(fault.New(fault.Resource, "keys of one chunk take %d bytes, more than the limit of %d", n, uint64(MaxKeysBytes)))
	}
}
