package csv

import (
	"math/bits"
	"unsafe"
)

// blockBytes is how many bytes one block of masks tells about.
const blockBytes = 64

// block marks, for 64 bytes, where certain bytes stand: bit 0 is the first.
type block struct {
	ends     uint64 // commas and newlines
	newlines uint64
	quotes   uint64
}

// masksGo marks the bytes of len(dst) blocks at src. It is the portable form
// of mask, and what the assembly is tested against.
func masksGo(dst []block, src unsafe.Pointer, comma byte) {
	const ones = 0x0101010101010101
	commas := uint64(comma) * ones
	for i := range dst {
		var b block
		for shift := 0; shift < blockBytes; shift += 8 {
			word := *(*uint64)(unsafe.Add(src, i*blockBytes+shift))
			newlines := gather(word ^ '\n'*ones)
			b.ends |= (gather(word^commas) | newlines) << shift
			b.newlines |= newlines << shift
			b.quotes |= gather(word^'"'*ones) << shift
		}
		dst[i] = b
	}
}

// gather returns one bit for each byte of a word that is zero.
func gather(x uint64) uint64 {
	const low = 0x7f7f7f7f7f7f7f7f
	zeros := ^((x&low + low) | x | low) // 0x80 in each zero byte, exactly
	return zeros >> 7 * 0x0102040810204080 >> 56
}

// inside marks the bytes from each odd quote to just before the next one. It
// is the exclusive or of all bits below, as in Langdale and Lemire, "Parsing
// Gigabytes of JSON per Second" (2019), by shifts where they use a
// carry-less multiplication.
func inside(quotes uint64) uint64 {
	for shift := 1; shift < 64; shift *= 2 {
		quotes ^= quotes << shift
	}
	return quotes
}

// flatten writes the places of the bits of a mask, counted from base, to dst,
// which must have room for 8 more than there are bits, and returns how many
// there are. Writing eight at a time saves a branch each that nobody can predict.
func flatten(dst unsafe.Pointer, mask uint64, base int32) int {
	n := bits.OnesCount64(mask)
	for mask != 0 {
		d := (*[8]int32)(dst)
		d[0] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[1] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[2] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[3] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[4] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[5] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[6] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		d[7] = base + int32(bits.TrailingZeros64(mask))
		mask &= mask - 1
		dst = unsafe.Add(dst, 32)
	}
	return n
}
