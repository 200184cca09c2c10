// Package table is the hash table of combiners and of aggregation: it numbers
// the distinct keys of a chunk of rows in order of first sight, and its caller
// keeps whatever belongs to a group in columns indexed by that number. It holds
// no pointer into its contents, so millions of groups cost the garbage
// collector nothing. It starts no goroutine and owns its memory; the caller
// reserves what Need says from a budget.
package table

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// MaxGroups is how many groups a table can hold.
	MaxGroups = math.MaxUint32

	// Probes are collected and their slots touched before the first is
	// compared, so that the cache misses of a block overlap.
	blockKeys = 256

	minSlots = 512     // 16 KiB, and room for a block
	minArena = 4 << 10 // bytes
	minEnds  = 256

	// At most loadNum/loadDen of the slots are taken: above that, the runs of
	// linear probing grow faster than memory is saved.
	loadNum, loadDen = 5, 8

	inlineBytes = 16 // of key in a slot
	slotBytes   = 32
)

// slot is one entry of the open-addressing table; two share a cache line.
type slot struct {
	a, b  uint64 // the key padded with zeros; of a longer key, a is its hash
	sum   int64  // what Add added to the group
	tag   uint32 // the key's length plus 1; 0 is an empty slot
	group uint32
}

// Table maps keys to dense group numbers. One goroutine may use it at a time.
//
// Its hash has a random seed of its own and nothing in common with
// column.HashKey: all keys that reach a task have been partitioned by that
// hash and so agree in part of its bits; in a table that used it too they
// would crowd into a part of the slots. For the same reason two tables differ:
// filling one in the other's order would make runs of full slots. And nobody
// who sends keys can choose them to collide.
type Table struct {
	slots []slot   // a power of two of them, or none
	arena []byte   // all keys, in the order of their groups
	ends  []uint64 // where each group's key ends in arena

	seedA, seedB uint64       // of keys that fit a slot
	seedLong     maphash.Seed // of longer keys

	pending [blockKeys]probe
}

// New returns an empty table, which holds no memory beyond itself yet.
func New() *Table {
	t := &Table{}
	t.reseed()
	return t
}

func (t *Table) reseed() {
	t.seedA, t.seedB, t.seedLong = rand.Uint64(), rand.Uint64(), maphash.MakeSeed()
}

// Len returns the number of groups.
func (t *Table) Len() int { return len(t.ends) }

// Key returns the key of a group as a view, valid until Reset.
func (t *Table) Key(group int) []byte {
	start, end := t.start(group), t.ends[group]
	return t.arena[start:end:end]
}

// start returns where a group's key begins in arena.
func (t *Table) start(group int) uint64 {
	if group == 0 {
		return 0
	}
	return t.ends[group-1]
}

// KeyBytes returns the bytes of the keys of the groups from first to before end.
func (t *Table) KeyBytes(first, end int) int64 { return int64(t.start(end) - t.start(first)) }

// Keys returns the keys of the groups from first to before end, one after
// another, as a view valid until Reset, and appends to ends where in it each ends.
func (t *Table) Keys(first, end int, ends []uint32) ([]byte, []uint32) {
	start, stop := t.start(first), t.start(end)
	for _, e := range t.ends[first:end] {
		ends = append(ends, uint32(e-start))
	}
	return t.arena[start:stop:stop], ends
}

// Groups appends the group number of each key to dst. Keys not seen before
// make new groups, numbered from 0 in order of first sight. The keys are
// copied. More than MaxGroups groups make it panic with an error of kind
// Resource.
func (t *Table) Groups(keys []string, dst []uint32) []uint32 {
	first := len(dst)
	dst = slices.Grow(dst, len(keys))[:first+len(keys)]
	groups := dst[first:]
	for len(keys) > 0 {
		n := min(blockKeys, len(keys))
		t.begin(keys[:n])
		t.resolve(keys[:n], groups[:n])
		keys, groups = keys[n:], groups[n:]
	}
	return dst
}

// Add adds to the sum of each key's group: the amount at the key's place, or 1
// where amounts is nil. It makes groups as Groups does. A sum stands beside its
// key, so that counting costs one cache miss a key and not two.
func (t *Table) Add(keys []string, amounts []int64) {
	for len(keys) > 0 {
		n := min(blockKeys, len(keys))
		t.begin(keys[:n])
		if amounts == nil {
			t.addOnes(keys[:n])
		} else {
			t.addAmounts(keys[:n], amounts[:n])
			amounts = amounts[n:]
		}
		keys = keys[n:]
	}
}

// Sums fills dst, which has a place for every group, with the groups' sums.
func (t *Table) Sums(dst []int64) {
	for i := range t.slots {
		if s := &t.slots[i]; s.tag != 0 {
			dst[s.group] = s.sum
		}
	}
}

// begin makes a block of keys ready to be resolved.
func (t *Table) begin(keys []string) {
	t.makeRoom(len(keys), t.collect(&t.pending, keys))
	prefetch(t.slots, &t.pending, len(keys))
}

// makeRoom makes place for n more groups whose keys have the given bytes in
// all, so that resolving a block needs no check.
func (t *Table) makeRoom(n, bytes int) {
	if len(t.ends)+n > MaxGroups {
		panic(fault.New(fault.Resource, "hash table: more than %d groups", uint64(MaxGroups)))
	}
	if want := slotsFor(len(t.slots), len(t.ends)+n); want > len(t.slots) {
		t.rehash(want)
	}
	if want := capacityFor(cap(t.arena), len(t.arena)+bytes, minArena); want > cap(t.arena) {
		t.arena = append(make([]byte, 0, want), t.arena...)
	}
	if want := capacityFor(cap(t.ends), len(t.ends)+n, minEnds); want > cap(t.ends) {
		t.ends = append(make([]uint64, 0, want), t.ends...)
	}
}

// slotsFor returns how many slots a table that has some must have for groups.
func slotsFor(have, groups int) int {
	slots := max(have, minSlots)
	for groups > slots/loadDen*loadNum {
		slots *= 2
	}
	return slots
}

// capacityFor returns the capacity for length elements: it at least doubles,
// so that copying costs a constant for each.
func capacityFor(have, length, least int) int {
	if length <= have {
		return have
	}
	return max(length, 2*have, least)
}

// Bytes returns the bytes of memory held.
func (t *Table) Bytes() int64 {
	return slotBytes*int64(cap(t.slots)) + int64(cap(t.arena)) + 8*int64(cap(t.ends))
}

// Need returns an upper bound of the bytes by which Groups(keys) may raise
// what is held, even while it moves to larger memory and holds both: as if all
// keys were new. Afterwards Bytes tells what was used.
func (t *Table) Need(keys []string) int64 {
	n := len(keys)
	if n == 0 {
		return 0
	}
	bytes := 0
	for _, k := range keys {
		bytes += len(k)
	}
	need := int64(0)
	// Groups grows block by block and may so take several steps, in the last
	// of which it holds both the half and the whole.
	if have, want := len(t.slots), slotsFor(len(t.slots), len(t.ends)+n); want > have {
		need += slotBytes * int64(want+want/2-have)
	}
	return need + growth(cap(t.arena), len(t.arena)+bytes, minArena) + 8*growth(cap(t.ends), len(t.ends)+n, minEnds)
}

// growth bounds what an array of a capacity may take in addition on its way to
// length elements: before the last step it has less than length, after it less
// than twice that, and both are held.
func growth(have, length, least int) int64 {
	if length <= have {
		return 0
	}
	return int64(3*max(length, least) - have)
}

// Reset forgets all groups, keeps the memory and takes a new seed.
func (t *Table) Reset() {
	clear(t.slots)
	t.arena, t.ends = t.arena[:0], t.ends[:0]
	t.reseed()
}

// Shrink forgets all groups as Reset does and gives the memory back.
func (t *Table) Shrink() {
	t.slots, t.arena, t.ends = nil, nil, nil
	t.reseed()
}
