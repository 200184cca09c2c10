package column

import (
	"encoding/binary"
	"math/bits"
)

// Bitmaps are Arrow's: bit i is bit i%8, counted from the least, of byte i/8.

// bitmapBytes returns the bytes of a bitmap of n bits.
func bitmapBytes(n int) int { return int((uint(n) + 7) / 8) }

func bit(b []byte, i int) bool { return b[i>>3]>>(i&7)&1 != 0 }

// extendBits grows a bitmap of at bits by n zero bits. The bits of b's last
// byte beyond at must be zero.
func extendBits(b []byte, at, n int) []byte {
	from, to := len(b), bitmapBytes(at+n)
	if to > cap(b) {
		grown := make([]byte, from, roundUp(max(to, 2*cap(b))))
		copy(grown, b)
		b = grown
	}
	b = b[:to]
	clear(b[from:])
	return b
}

// truncateBits shortens a bitmap to n bits and clears the rest of its last byte.
func truncateBits(b []byte, n int) []byte {
	b = b[:bitmapBytes(n)]
	if rest := n & 7; rest != 0 {
		b[len(b)-1] &= 1<<rest - 1
	}
	return b
}

// setOnes sets n bits from bit at on.
func setOnes(b []byte, at, n int) {
	for ; n > 0 && at&7 != 0; at, n = at+1, n-1 {
		b[at>>3] |= 1 << (at & 7)
	}
	whole := b[at>>3:][:n>>3]
	for i := range whole {
		whole[i] = 0xff
	}
	if rest := n & 7; rest != 0 {
		b[at>>3+n>>3] |= 1<<rest - 1
	}
}

// countOnes counts the bits that are set among n from bit at on.
func countOnes(b []byte, at, n int) int {
	ones := 0
	for ; n > 0 && at&7 != 0; at, n = at+1, n-1 {
		ones += int(b[at>>3] >> (at & 7) & 1)
	}
	for ; n >= 64; at, n = at+64, n-64 {
		ones += bits.OnesCount64(binary.LittleEndian.Uint64(b[at>>3:]))
	}
	for ; n > 0; at, n = at+1, n-1 {
		ones += int(b[at>>3] >> (at & 7) & 1)
	}
	return ones
}

// gatherBits appends the bits of src that sel names, in that order, as a
// bitmap of its own.
func gatherBits(dst, src []byte, sel []uint32) []byte {
	var acc byte
	for i, s := range sel {
		acc |= src[s>>3] >> (s & 7) & 1 << (i & 7)
		if i&7 == 7 {
			dst = append(dst, acc)
			acc = 0
		}
	}
	if len(sel)&7 != 0 {
		dst = append(dst, acc)
	}
	return dst
}
