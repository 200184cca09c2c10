package column

import "math/bits"

const (
	// sortTopBits is the widest split: 4096 targets are what the TLB and the
	// cache still carry, and 5 million keys then make buckets of 20 KiB.
	sortTopBits   = 12
	sortSplitBits = 8  // of the splits below, whose counts stand on the stack
	sortInsertion = 24 // entries up to which insertion sort is fastest
)

// radix sorts group by head and tail, stably; other is as long and its content
// is lost.
func (s *SortScratch) radix(group, other []sortEntry) {
	least, span := headRange(group)
	if len(group) < 1<<sortTopBits || span>>sortSplitBits == 0 {
		sortSplit(group, other, false)
		return
	}
	shift := uint(max(0, bits.Len64(span)-sortTopBits))
	counts := &s.counts
	clear(counts[:])
	for i := range group {
		counts[(group[i].head-least)>>shift&(1<<sortTopBits-1)]++
	}
	sum := uint32(0)
	for b, n := range counts {
		counts[b] = sum
		sum += n
	}
	for i := range group {
		at := &counts[(group[i].head-least)>>shift&(1<<sortTopBits-1)]
		other[*at] = group[i]
		*at++
	}
	// Each count has moved on to where its bucket ends.
	lo := uint32(0)
	for _, hi := range counts {
		if hi > lo {
			sortSplit(other[lo:hi], group[lo:hi], true)
		}
		lo = hi
	}
}

// headRange returns the least head and how far the greatest is from it.
func headRange(group []sortEntry) (least, span uint64) {
	least, most := group[0].head, group[0].head
	for i := range group {
		least = min(least, group[i].head)
		most = max(most, group[i].head)
	}
	return least, most - least
}

// sortSplit sorts from; the result stands in to if move is set, else in from,
// and the other one is working memory of the same length. A bucket of a split
// spans 1/2^bits of the heads' range or less, so the depth is bounded by 64
// bits over the bits of a split.
func sortSplit(from, to []sortEntry, move bool) {
	if len(from) <= sortInsertion {
		if move {
			insertInto(to, from)
		} else {
			insert(from)
		}
		return
	}
	least, span := headRange(from)
	if span == 0 {
		sortTails(from, to, move)
		return
	}
	width := min(sortSplitBits, bits.Len(uint(len(from)))-1)
	shift := uint(max(0, bits.Len64(span)-width))
	var counts [1 << sortSplitBits]uint32
	for i := range from {
		counts[(from[i].head-least)>>shift&(1<<sortSplitBits-1)]++
	}
	sum := uint32(0)
	for b, n := range counts {
		counts[b] = sum
		sum += n
	}
	for i := range from {
		at := &counts[(from[i].head-least)>>shift&(1<<sortSplitBits-1)]
		to[*at] = from[i]
		*at++
	}
	lo := uint32(0)
	for _, hi := range counts {
		switch {
		case hi > lo+1:
			sortSplit(to[lo:hi], from[lo:hi], !move)
		case hi > lo && !move: // the usual case at the end, so without a call
			from[lo] = to[lo]
		}
		lo = hi
	}
}

// sortTails sorts entries with one and the same head by their tails, which
// take the heads' place for that time.
func sortTails(from, to []sortEntry, move bool) {
	head, tail, equal := from[0].head, from[0].tail, true
	for i := range from {
		equal = equal && from[i].tail == tail
		from[i].head = uint64(from[i].tail)
	}
	sorted := from
	switch {
	case !equal:
		sortSplit(from, to, move)
		if move {
			sorted = to
		}
	case move:
		copy(to, from)
		sorted = to
	}
	for i := range sorted {
		sorted[i].head = head
	}
}

func (e *sortEntry) before(f *sortEntry) bool {
	return e.head < f.head || e.head == f.head && e.tail < f.tail
}

// insert sorts a few entries in place.
func insert(group []sortEntry) {
	for i := 1; i < len(group); i++ {
		e := group[i]
		j := i
		for j > 0 && e.before(&group[j-1]) {
			group[j] = group[j-1]
			j--
		}
		group[j] = e
	}
}

// insertInto sorts a few entries on their way from one place to another.
func insertInto(to, from []sortEntry) {
	to = to[:len(from)]
	for i := range from {
		e := from[i]
		j := i
		for j > 0 && e.before(&to[j-1]) {
			to[j] = to[j-1]
			j--
		}
		to[j] = e
	}
}
