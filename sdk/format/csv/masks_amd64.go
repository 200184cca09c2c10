package csv

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// masksAVX2 is masksGo for n blocks, 32 bytes at a time.
//
//go:noescape
func masksAVX2(dst *block, src unsafe.Pointer, n int, comma byte)

// mask marks the bytes of len(dst) blocks at src.
func mask(dst []block, src unsafe.Pointer, comma byte) {
	if cpu.X86.HasAVX2 && len(dst) > 0 {
		masksAVX2(&dst[0], src, len(dst), comma)
		return
	}
	masksGo(dst, src, comma)
}
