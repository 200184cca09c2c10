package csv

import "sync"

// scratch is what a decoder needs and no batch keeps; pooled, because an input
// may have very many small files.
type scratch struct {
	// starts holds, for each row, the place before its first byte; -1 for the
	// first byte of a window.
	starts []int32
	// ends holds, for each row, where each of its fields ends. A field begins
	// one byte after the field before it ended. One that ends before it begins
	// is missing.
	ends []int32
	// masks of the chunk at hand.
	masks [chunkBlocks]block
	// text of a field without its quotes.
	text []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) clear() { s.starts, s.ends = s.starts[:0], s.ends[:0] }

// truncate drops all but the first rows rows of width fields.
func (s *scratch) truncate(rows, width int) {
	s.starts, s.ends = s.starts[:rows], s.ends[:rows*width]
}

// grow makes room for n more ends.
func (s *scratch) grow(n int) {
	if have := len(s.ends); have+n > cap(s.ends) {
		ends := make([]int32, have, max(have+n, 2*cap(s.ends)))
		copy(ends, s.ends)
		s.ends = ends
	}
}
