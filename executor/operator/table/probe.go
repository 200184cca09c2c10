package table

import (
	"hash/maphash"
	"math/bits"
	"unsafe"
)

// probe is one key of a block: its words as a slot has them, its hash and its
// tag. Assembly knows the layout.
type probe struct {
	a, b uint64
	hash uint64
	tag  uint32
	_    uint32
}

// inlineMasks clears what two loads read beyond a key of each length.
var inlineMasks = func() (masks [inlineBytes + 1][2]uint64) {
	for n := range masks {
		masks[n][0] = 1<<(8*min(n, 8)) - 1
		masks[n][1] = 1<<(8*max(n-8, 0)) - 1
	}
	return masks
}()

// collect fills block with keys and returns their bytes.
func (t *Table) collect(block *[blockKeys]probe, keys []string) int {
	bytes := 0
	pending := block[:len(keys)]
	for i, key := range keys {
		p := &pending[i]
		p.tag = uint32(len(key)) + 1
		bytes += len(key)
		if len(key) > inlineBytes {
			p.hash = maphash.String(t.seedLong, key)
			p.a, p.b = p.hash, 0
			continue
		}
		p.a, p.b = loadShort(key)
		p.hash = t.hashShort(p.a, p.b, p.tag)
	}
	return bytes
}

// pageBytes is at most the size of a page on every machine that Go runs on.
const pageBytes = 4 << 10

// loadShort returns a key of at most inlineBytes as two words padded with
// zeros. Unless the key stands at the end of a page it loads the bytes behind
// the key too and masks them: what lies in the page of a key can be read, and
// whoever may be writing there has no influence on the result. Both checkers
// would object to the load nevertheless. Loads that keep to the key need
// branches on its length, which words of mixed lengths mispredict.
//
//go:nocheckptr
//go:norace
func loadShort(key string) (a, b uint64) {
	p := unsafe.Pointer(unsafe.StringData(key))
	if len(key) > 0 && uintptr(p)%pageBytes <= pageBytes-inlineBytes {
		mask := &inlineMasks[len(key)]
		return *(*uint64)(p) & mask[0], *(*uint64)(unsafe.Add(p, 8)) & mask[1]
	}
	var words [2]uint64
	copy((*[inlineBytes]byte)(unsafe.Pointer(&words))[:], key)
	return words[0], words[1]
}

// hashShort folds a 64 by 64 bit product, as wyhash does (Wang Yi, wyhash
// final version 4), over the words and seeds.
func (t *Table) hashShort(a, b uint64, tag uint32) uint64 {
	hi, lo := bits.Mul64(a^t.seedA, (b^t.seedB)+uint64(tag))
	return hi ^ lo
}

// resolve writes the groups of the pending keys to dst, which has one place
// for each. There is room for all of them to be new.
func (t *Table) resolve(keys []string, dst []uint32) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	pending := t.pending[:len(dst)]
	for i := range dst {
		p := &pending[i]
		s := &slots[p.hash&mask]
		if s.a != p.a || s.b != p.b || s.tag != p.tag || p.tag > inlineBytes+1 {
			s = t.find(p, keys[i])
		}
		dst[i] = s.group
	}
}

// addOnes adds 1 to the sums of the pending keys, as resolve finds them.
func (t *Table) addOnes(keys []string) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	pending := t.pending[:len(keys)]
	for i := range pending {
		p := &pending[i]
		s := &slots[p.hash&mask]
		if s.a != p.a || s.b != p.b || s.tag != p.tag || p.tag > inlineBytes+1 {
			s = t.find(p, keys[i])
		}
		s.sum++
	}
}

// addAmounts adds amounts to the sums of the pending keys.
func (t *Table) addAmounts(keys []string, amounts []int64) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	pending := t.pending[:len(amounts)]
	for i, n := range amounts {
		p := &pending[i]
		s := &slots[p.hash&mask]
		if s.a != p.a || s.b != p.b || s.tag != p.tag || p.tag > inlineBytes+1 {
			s = t.find(p, keys[i])
		}
		s.sum += n
	}
}

// find returns the slot of a key that does not stand in its first place, or is
// long, or new: then it makes the group.
func (t *Table) find(p *probe, key string) *slot {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	for at := p.hash & mask; ; at = (at + 1) & mask {
		s := &slots[at]
		if s.tag == 0 {
			*s = slot{a: p.a, b: p.b, tag: p.tag, group: uint32(len(t.ends))}
			t.arena = append(t.arena, key...)
			t.ends = append(t.ends, uint64(len(t.arena)))
			return s
		}
		if s.a == p.a && s.b == p.b && s.tag == p.tag && (p.tag <= inlineBytes+1 || string(t.Key(int(s.group))) == key) {
			return s
		}
	}
}

// rehash moves all groups to a larger array of slots.
func (t *Table) rehash(want int) {
	slots, mask := newSlots(want), uint64(want-1)
	for i := range t.slots {
		s := &t.slots[i]
		if s.tag == 0 {
			continue
		}
		hash := s.a
		if s.tag <= inlineBytes+1 {
			hash = t.hashShort(s.a, s.b, s.tag)
		}
		at := hash & mask
		for slots[at].tag != 0 {
			at = (at + 1) & mask
		}
		slots[at] = *s
	}
	t.slots = slots
}

// newSlots allocates slots and writes to each of their pages: memory of the
// system that is read before it is written is faulted in twice, the second time
// with an interrupt to the other processors.
func newSlots(n int) []slot {
	slots := make([]slot, n)
	for i := 0; i < n; i += pageBytes / slotBytes {
		slots[i].tag = 0
	}
	return slots
}
