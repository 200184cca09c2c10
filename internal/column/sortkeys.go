package column

import (
	"bytes"
	"encoding/binary"
)

// SortScratch is the memory that SortKeys works in. Its zero value is ready;
// used again, it saves the allocations. One goroutine may use it at a time.
type SortScratch struct {
	entries, other []sortEntry
	groups         []sortGroup
	counts         [1 << sortTopBits]uint32
}

// sortEntry stands for one key while it is sorted: its next 11 bytes, padded
// with zeros, and how many bytes it has from there on. Two entries with equal
// head and tail are equal keys, unless both go on beyond those 11 bytes. So
// most keys are ordered without another look at them, and a key that is a
// prefix of another, or ends where the other has zeros, comes first.
type sortEntry struct {
	head  uint64 // bytes 0 to 7, big endian
	tail  uint32 // bytes 8 to 10, then min(bytes left, sortMore)
	index uint32 // of the key
}

const (
	sortEntryBytes = 16

	sortStep = 11           // bytes of the key in an entry
	sortMore = sortStep + 1 // in the low byte of a tail: the key goes on

	sortReach = 16 // bytes, the first look at what the keys of a group share

	// Groups of at most sortFew keys with the same 11 bytes are compared as
	// strings: building entries again costs more than their few comparisons.
	sortFew = 12
)

// sortGroup is a run of entries whose keys are equal in their first depth bytes.
type sortGroup struct{ lo, hi, depth uint32 }

// Bytes returns the bytes of memory that the scratch holds.
func (s *SortScratch) Bytes() int64 {
	return sortEntryBytes*int64(cap(s.entries)+cap(s.other)) + 12*int64(cap(s.groups)) + 4<<sortTopBits
}

// Release gives the memory back.
func (s *SortScratch) Release() { s.entries, s.other, s.groups = nil, nil, nil }

// SortKeys returns the numbers of all keys in ascending order of their bytes;
// equal keys keep their order. The result overwrites order if that has the
// capacity. The time is bounded by the keys' bytes plus a constant for each
// key, whatever their distribution.
//
// Method: one radix pass by up to 12 bits of the first 8 bytes, as narrow as
// their range permits, makes buckets that fit the cache; those are split again
// by up to 8 bits, and insertion sort ends it. Groups that are equal so far are
// refined by their next bytes, over a list instead of by recursion.
func SortKeys(k *Keys, order []uint32, scratch *SortScratch) []uint32 {
	n := k.Len()
	s := scratch
	s.reserve(n)
	if cap(order) < n {
		order = make([]uint32, n)
	}
	order = order[:n]
	for i := range s.entries {
		s.entries[i].index = uint32(i)
	}
	if n > 1 {
		s.groups = append(s.groups, sortGroup{0, uint32(n), 0})
	}
	for len(s.groups) > 0 {
		g := s.groups[len(s.groups)-1]
		s.groups = s.groups[:len(s.groups)-1]
		s.refine(k, g)
	}
	for i := range s.entries {
		order[i] = s.entries[i].index
	}
	return order
}

// reserve makes the working memory n entries long. It does not grow as append
// does, by more than was asked for: the memory stays in proportion to the keys.
func (s *SortScratch) reserve(n int) {
	if cap(s.entries) < n {
		s.entries, s.other = nil, nil
		s.entries, s.other = make([]sortEntry, n), make([]sortEntry, n)
	}
	s.entries, s.other, s.groups = s.entries[:n], s.other[:n], s.groups[:0]
}

// refine sorts one group and adds the groups that are still undecided.
func (s *SortScratch) refine(k *Keys, g sortGroup) {
	group := s.entries[g.lo:g.hi]
	if len(group) <= sortFew {
		sortStrings(k, group, g.depth)
		return
	}
	depth, all := skipCommon(k, group, g.depth)
	if all {
		return
	}
	g.depth = depth
	if !loadEntries(k, group, g.depth) {
		s.radix(group, s.other[g.lo:g.hi])
	}
	s.undecided(g)
}

// undecided adds the runs of equal entries whose keys go on.
func (s *SortScratch) undecided(g sortGroup) {
	for lo := g.lo; lo < g.hi; {
		e := &s.entries[lo]
		hi := lo + 1
		for hi < g.hi && s.entries[hi].head == e.head && s.entries[hi].tail == e.tail {
			hi++
		}
		if hi-lo > 1 && e.tail&0xFF == sortMore {
			s.groups = append(s.groups, sortGroup{lo, hi, g.depth + sortStep})
		}
		lo = hi
	}
}

// skipCommon returns the depth at which the keys of the group begin to differ,
// and whether they are all equal. It looks ahead as far as it has come and no
// farther: a comparison to the end, thrown away at each step because one more
// key differs early, would cost the square of the keys' length.
func skipCommon(k *Keys, group []sortEntry, depth uint32) (end uint32, all bool) {
	for reach := sortReach; ; reach *= 2 {
		common, all := commonPrefix(k, group, depth, reach)
		depth += uint32(common)
		if all || common < reach {
			return depth, all
		}
	}
}

// commonPrefix returns how many bytes beyond depth, up to reach, all keys of
// the group share, and whether they all end there.
func commonPrefix(k *Keys, group []sortEntry, depth uint32, reach int) (common int, all bool) {
	first := k.At(int(group[0].index))[depth:]
	length := len(first)
	common, all = min(length, reach), length <= reach
	for i := range group[1:] {
		key := k.At(int(group[1+i].index))[depth:]
		all = all && len(key) == length
		if common = min(common, len(key)); string(first[:common]) != string(key[:common]) {
			common, all = firstDifference(first[:common], key), false
		}
		if common == 0 && !all {
			return 0, false
		}
	}
	return common, all
}

// firstDifference returns where a and b, at least as long as a, differ first.
func firstDifference(a, b []byte) int {
	i := 0
	for i+8 <= len(a) && binary.LittleEndian.Uint64(a[i:]) == binary.LittleEndian.Uint64(b[i:]) {
		i += 8
	}
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i
}

// loadEntries fills the entries with their keys' bytes from depth on, and
// reports whether they are in order already.
func loadEntries(k *Keys, group []sortEntry, depth uint32) (sorted bool) {
	data, ends := k.Data, k.Ends
	sorted = true
	var head uint64
	var tail uint32
	for i := range group {
		e := &group[i]
		start := uint32(0)
		if e.index > 0 {
			start = ends[e.index-1]
		}
		start += depth
		e.head, e.tail = loadEntry(data, int(start), int(ends[e.index]))
		if e.head < head || e.head == head && e.tail < tail {
			sorted = false
		}
		head, tail = e.head, e.tail
	}
	return sorted
}

// loadEntry returns head and tail of the key data[start:end].
func loadEntry(data []byte, start, end int) (head uint64, tail uint32) {
	if start+12 <= len(data) {
		head, tail = binary.BigEndian.Uint64(data[start:]), binary.BigEndian.Uint32(data[start+8:])
	} else {
		var b [12]byte
		copy(b[:], data[start:end])
		head, tail = binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint32(b[8:])
	}
	left := uint(end - start)
	switch {
	case left >= sortStep:
		return head, tail&^0xFF | uint32(min(left, sortMore))
	case left >= 8:
		return head, tail&^(1<<(96-8*left)-1) | uint32(left)
	}
	return head &^ (1<<(64-8*left) - 1), uint32(left)
}

// sortStrings sorts a few entries by their keys' bytes from depth on.
func sortStrings(k *Keys, group []sortEntry, depth uint32) {
	for i := 1; i < len(group); i++ {
		e := group[i]
		key := k.At(int(e.index))[depth:]
		j := i
		for j > 0 && bytes.Compare(key, k.At(int(group[j-1].index))[depth:]) < 0 {
			group[j] = group[j-1]
			j--
		}
		group[j] = e
	}
}
