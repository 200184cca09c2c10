package main

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// slack is how many bytes after a word may be read, whatever they are.
const slack = 8

// slot is one word of a table, or empty while its count is 0.
type slot struct {
	hash   uint64
	offset uint32 // in the arena
	length uint32
	count  uint64
}

// table counts words by open addressing. It holds no pointers, so that the
// garbage collector has nothing to look at.
type table struct {
	slots []slot // a power of two, at most half full
	words int
	arena []byte // the words
}

func newTable() *table { return &table{slots: make([]slot, 1<<16)} }

func (t *table) word(s *slot) []byte { return t.arena[s.offset : s.offset+s.length] }

// addWords counts the words of piece[:end]. A word that ends with the piece
// may go on in the next: unless this is the last, it is moved to the beginning
// and its length returned.
func (t *table) addWords(piece []byte, end int, last bool) int {
	for at := 0; ; {
		for at < end && piece[at] <= ' ' {
			at++
		}
		begin := at
		for at < end && piece[at] > ' ' {
			at++
		}
		if at == end && !last {
			return copy(piece, piece[begin:end])
		}
		if begin == at {
			return 0
		}
		t.add(piece, begin, at)
	}
}

// add counts the word piece[begin:end].
func (t *table) add(piece []byte, begin, end int) {
	word, h := piece[begin:end], hash(piece, begin, end)
	mask := uint64(len(t.slots) - 1)
	for i := h >> 16 & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.hash == h && int(s.length) == len(word) && bytes.Equal(t.word(s), word) {
			s.count++
			return
		}
		if s.count == 0 {
			*s = slot{h, uint32(len(t.arena)), uint32(len(word)), 1}
			t.arena = append(t.arena, word...)
			if t.words++; 2*t.words > len(t.slots) {
				t.grow()
			}
			return
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s.count == 0 {
			continue
		}
		i := s.hash >> 16 & mask
		for t.slots[i].count != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// hash mixes eight bytes at a time by a wide multiplication. It may read up to
// slack bytes behind the word and drops them.
func hash(piece []byte, begin, end int) uint64 {
	const seed, factor = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	h := uint64(end-begin) * seed
	for ; end-begin > 8; begin += 8 {
		h = fold(binary.LittleEndian.Uint64(piece[begin:])^h, factor)
	}
	rest := binary.LittleEndian.Uint64(piece[begin:]) << (64 - 8*uint(end-begin))
	return fold(rest^h, factor)
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
