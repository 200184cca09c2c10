package table

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"github.com/sheafdata/sheaf/internal/column"
)

// probe is one key of a block: its words as a slot has them, its hash, and
// where it stands in the chunk's data.
type probe struct {
	a, b  uint64
	hash  uint64
	start uint32
	tag   uint32
}

// inlineMasks clears what two loads read beyond a key of each length.
var inlineMasks = func() (masks [inlineBytes + 1][2]uint64) {
	for n := range masks {
		masks[n][0] = 1<<(8*min(n, 8)) - 1
		masks[n][1] = 1<<(8*max(n-8, 0)) - 1
	}
	return masks
}()

// collect fills pending with n keys from number from and returns their bytes.
func (t *Table) collect(keys *column.Keys, from, n int) int {
	data := keys.Data
	start := uint32(0)
	if from > 0 {
		start = keys.Ends[from-1]
	}
	first := start
	ends := keys.Ends[from : from+n]
	pending := t.pending[:len(ends)]
	for i, end := range ends {
		p := &pending[i]
		length := end - start
		p.start, p.tag = start, length+1
		switch {
		case length > inlineBytes:
			p.hash = maphash.Bytes(t.seedLong, data[start:end])
			p.a, p.b = p.hash, 0
		case int(start)+inlineBytes <= len(data):
			mask := &inlineMasks[length]
			p.a = binary.LittleEndian.Uint64(data[start:]) & mask[0]
			p.b = binary.LittleEndian.Uint64(data[start+8:]) & mask[1]
			p.hash = t.hashShort(p.a, p.b, p.tag)
		default: // the last keys: the loads would leave the data
			var b [inlineBytes]byte
			copy(b[:], data[start:end])
			p.a, p.b = binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
			p.hash = t.hashShort(p.a, p.b, p.tag)
		}
		start = end
	}
	return int(start - first)
}

// hashShort folds a 64 by 64 bit product, as wyhash does (Wang Yi, wyhash
// final version 4), over the words and seeds.
func (t *Table) hashShort(a, b uint64, tag uint32) uint64 {
	hi, lo := bits.Mul64(a^t.seedA, (b^t.seedB)+uint64(tag))
	return hi ^ lo
}

// touch loads the first slot of each pending key: independent loads, which the
// processor overlaps. Measured against none in package benchmarks.
func (t *Table) touch(n int) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	sum := uint64(0)
	for i := range t.pending[:n] {
		sum += slots[t.pending[i].hash&mask].a
	}
	t.touched = sum
}

// resolve writes the groups of the pending keys to dst, which has one place
// for each. There is room for all of them to be new.
func (t *Table) resolve(keys *column.Keys, dst []uint32) {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	pending := t.pending[:len(dst)]
	for i := range dst {
		p := &pending[i]
		at := p.hash & mask
		s := &slots[at]
		for s.a != p.a || s.b != p.b || s.tag != p.tag || p.tag > inlineBytes+1 && !t.same(s, p, keys) {
			if s.tag == 0 {
				t.insert(s, p, keys)
				break
			}
			at = (at + 1) & mask
			s = &slots[at]
		}
		dst[i] = s.group
	}
}

// insert makes a new group in an empty slot.
func (t *Table) insert(s *slot, p *probe, keys *column.Keys) {
	*s = slot{a: p.a, b: p.b, at: uint64(len(t.arena)), tag: p.tag, group: uint32(len(t.ends))}
	t.arena = append(t.arena, keys.Data[p.start:p.start+p.tag-1]...)
	t.ends = append(t.ends, uint64(len(t.arena)))
}

// same compares a long key with that of a slot of the same length and hash.
func (t *Table) same(s *slot, p *probe, keys *column.Keys) bool {
	length := p.tag - 1
	return string(t.arena[s.at:s.at+uint64(length)]) == string(keys.Data[p.start:p.start+length])
}

// rehash moves all groups to a larger array of slots.
func (t *Table) rehash(want int) {
	slots, mask := make([]slot, want), uint64(want-1)
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
