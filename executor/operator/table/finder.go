package table

import (
	"math"
	"slices"
)

// None is the group of a key that a table does not hold.
const None = math.MaxUint32

// Finder looks keys up in a table that does not change any more. One goroutine
// uses it; others may have finders of the same table at the same time.
type Finder struct {
	table   *Table
	pending [blockKeys]probe
}

// NewFinder returns a finder of a table's keys.
func NewFinder(t *Table) *Finder { return &Finder{table: t} }

// Groups appends the group number of each key to dst, None for those that the
// table does not hold.
func (f *Finder) Groups(keys []string, dst []uint32) []uint32 {
	first := len(dst)
	dst = slices.Grow(dst, len(keys))[:first+len(keys)]
	groups := dst[first:]
	if len(f.table.slots) == 0 {
		for i := range groups {
			groups[i] = None
		}
		return dst
	}
	for len(keys) > 0 {
		n := min(blockKeys, len(keys))
		f.table.collect(&f.pending, keys[:n])
		prefetch(f.table.slots, &f.pending, n)
		f.resolve(keys[:n], groups[:n])
		keys, groups = keys[n:], groups[n:]
	}
	return dst
}

// resolve writes the groups of the pending keys to dst.
func (f *Finder) resolve(keys []string, dst []uint32) {
	slots, mask := f.table.slots, uint64(len(f.table.slots)-1)
	pending := f.pending[:len(dst)]
	for i := range dst {
		p := &pending[i]
		s := &slots[p.hash&mask]
		if s.a == p.a && s.b == p.b && s.tag == p.tag && p.tag <= inlineBytes+1 {
			dst[i] = s.group
			continue
		}
		dst[i] = f.table.look(p, keys[i])
	}
}

// look returns the group of a key that does not stand in its first place, or is
// long, or None.
func (t *Table) look(p *probe, key string) uint32 {
	slots, mask := t.slots, uint64(len(t.slots)-1)
	for at := p.hash & mask; ; at = (at + 1) & mask {
		s := &slots[at]
		if s.tag == 0 {
			return None
		}
		if s.a == p.a && s.b == p.b && s.tag == p.tag && (p.tag <= inlineBytes+1 || string(t.Key(int(s.group))) == key) {
			return s.group
		}
	}
}
