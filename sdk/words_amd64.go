package sdk

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// spaceMarksAVX2 is spaceMarksGo for the 64 bytes at p.
//
//go:noescape
func spaceMarksAVX2(p unsafe.Pointer) (spaces, others uint64)

// pageBytes is the least size of a page.
const pageBytes = 4 << 10

// spaceMarks marks, by a bit each, which of the 64 bytes of s from at on are
// spaces, and which others may begin a white space; at is within s.
//
// Of a shorter rest it reads the bytes behind s too and masks them, unless they
// may stand in another page: what lies in the page of a string can be read.
func spaceMarks(s string, at int) (spaces, others uint64) {
	p, rest := unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), at), len(s)-at
	if !cpu.X86.HasAVX2 || rest < markBytes && uintptr(p)%pageBytes > pageBytes-markBytes {
		return spaceMarksGo(s, at)
	}
	spaces, others = spaceMarksAVX2(p)
	if rest < markBytes {
		within := uint64(1)<<rest - 1
		spaces, others = spaces&within, others&within
	}
	return spaces, others
}
