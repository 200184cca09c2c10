package sdk

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"unsafe"
)

// Words iterates over the words of s: the same as those of strings.Fields,
// which are what lies between runs of Unicode white space. It allocates
// nothing; the words are parts of s.
func Words(s string) iter.Seq[string] {
	return func(yield func(string) bool) { words(s, yield) }
}

// AppendWords appends the words of s to dst, those that Words gives. It is the
// loop of words once more: a call for each word would cost as much as finding it.
func AppendWords(dst []string, s string) []string {
	start := 0 // of the word under the cursor
	for at := 0; at < len(s); at += markBytes {
		spaces, others := spaceMarks(s, at)
		if others != 0 {
			dst, start = appendMarked(dst, s, start, at, spaces|others)
			continue
		}
		for ; spaces != 0; spaces &= spaces - 1 {
			i := at + bits.TrailingZeros64(spaces)
			if i > start {
				dst = append(dst, s[start:i])
			}
			start = i + 1
		}
	}
	if start < len(s) {
		dst = append(dst, s[start:])
	}
	return dst
}

// appendMarked appends the words that end at the marks of the bytes of s from at
// on, and returns where the word begins that comes next.
func appendMarked(dst []string, s string, start, at int, marks uint64) ([]string, int) {
	for ; marks != 0; marks &= marks - 1 {
		i := at + bits.TrailingZeros64(marks)
		size := spaceAt(s[i:])
		if size == 0 {
			continue
		}
		if i > start {
			dst = append(dst, s[start:i])
		}
		start = i + size
	}
	return dst, start
}

// words looks at the marks of 64 bytes at a time. Only where a byte may begin a
// white space is it looked at alone.
func words(s string, yield func(string) bool) {
	start := 0 // of the word under the cursor
	for at := 0; at < len(s); at += markBytes {
		spaces, others := spaceMarks(s, at)
		for marks := spaces | others; marks != 0; marks &= marks - 1 {
			i := at + bits.TrailingZeros64(marks)
			size := 1
			if s[i] != ' ' {
				if size = spaceAt(s[i:]); size == 0 {
					continue
				}
			}
			if i > start && !yield(s[start:i]) {
				return
			}
			start = i + size
		}
	}
	if start < len(s) {
		yield(s[start:])
	}
}

// markBytes is how many bytes one word of marks covers: with fewer, the end of
// the loop over them is mispredicted more often than words are found.
const markBytes = 64

// spaceMarksGo marks, by a bit each, which of the 64 bytes of s from at on are
// spaces, and which others may begin a white space. It is the portable form of
// spaceMarks, and what the assembly is tested against.
func spaceMarksGo(s string, at int) (spaces, others uint64) {
	for shift := 0; shift < markBytes && at < len(s); shift += 8 {
		word := load8(s, at)
		space := zeroBytes(word ^ 0x2020202020202020)
		spaces |= gather(space) << shift
		others |= gather(mayBeSpace(word)&^space) << shift
		at += 8
	}
	return spaces, others
}

// gather moves the high bits of the eight bytes of a word into its low byte.
func gather(marks uint64) uint64 { return marks >> 7 * 0x0102040810204080 >> 56 }

// load8 returns the eight bytes of s from at as a little-endian number, with
// letters in place of those beyond the end. It reads nothing outside s.
func load8(s string, at int) uint64 {
	if at+8 <= len(s) {
		return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), at))[:])
	}
	return loadTail(s[at:])
}

// loadTail is load8 for the last one to seven bytes.
func loadTail(s string) uint64 {
	word := uint64(0x6161616161616161)
	for i := len(s) - 1; i >= 0; i-- {
		word = word<<8 | uint64(s[i])
	}
	return word
}

const (
	low7Bits = 0x7f7f7f7f7f7f7f7f
	highBits = 0x8080808080808080
)

// mayBeSpace marks, by their high bits, the bytes of a word that may begin a
// white space: ASCII up to the space, and the first bytes of the others in
// UTF-8, which are C2, E1, E2 and E3. (E0 is marked too.) It marks no other.
func mayBeSpace(word uint64) uint64 {
	// The high bit of a byte's sum says that its low seven bits are above 0x20.
	marks := ^(word&low7Bits + 0x5f5f5f5f5f5f5f5f | word) & highBits
	if word&highBits != 0 {
		marks |= zeroBytes(word^0xc2c2c2c2c2c2c2c2) | zeroBytes(word&0xfcfcfcfcfcfcfcfc^0xe0e0e0e0e0e0e0e0)
	}
	return marks
}

// zeroBytes marks the bytes that are 0, and only those.
func zeroBytes(word uint64) uint64 {
	return ^(word&low7Bits + low7Bits | word) & highBits
}

// spaceAt returns the length of the white space that s begins with, or 0. A
// first byte of a rune in UTF-8 is never a later byte of another, so it may be
// looked at wherever it stands, in invalid text too.
func spaceAt(s string) int {
	switch c := s[0]; c {
	case ' ', '\t', '\n', '\v', '\f', '\r':
		return 1
	case 0xc2: // U+0085, U+00A0
		if len(s) > 1 && (s[1] == 0x85 || s[1] == 0xa0) {
			return 2
		}
	case 0xe1, 0xe2, 0xe3:
		if len(s) > 2 && isWideSpace(c, s[1], s[2]) {
			return 3
		}
	}
	return 0
}

// isWideSpace reports whether three bytes are a white space: U+1680, U+2000 to
// U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.
func isWideSpace(a, b, c byte) bool {
	switch {
	case a == 0xe1:
		return b == 0x9a && c == 0x80
	case a == 0xe3:
		return b == 0x80 && c == 0x80
	case b == 0x80:
		return c >= 0x80 && c <= 0x8a || c == 0xa8 || c == 0xa9 || c == 0xaf
	}
	return b == 0x81 && c == 0x9f
}
