package jsonl

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// appendString appends a string in quotes.
func appendString(dst []byte, s string) []byte {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	n := plainBytes(b)
	dst = append(append(dst, '"'), b[:n]...)
	if n < len(b) {
		dst = appendEscaped(dst, b[n:])
	}
	return append(dst, '"')
}

// plainBytes returns how many bytes at the beginning are ASCII that needs no
// escape.
func plainBytes(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		if mark := stops(word) | word&highBits; mark != 0 {
			return i + bits.TrailingZeros64(mark)>>3
		}
	}
	for i < len(b) && plain(b[i]) {
		i++
	}
	return i
}

func plain(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

// escapes maps the bytes that have short escapes to their letters.
var escapes = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

const hexDigits = "0123456789abcdef"

// appendEscaped appends the bytes of a string and escapes what encoding/json
// escapes: beside what JSON asks for, the line ends of JavaScript and bytes
// that are no UTF-8.
func appendEscaped(dst, b []byte) []byte {
	for len(b) > 0 {
		n := 1
		switch c := b[0]; {
		case plain(c):
			n = plainBytes(b)
			dst = append(dst, b[:n]...)
		case escapes[c] != 0:
			dst = append(dst, '\\', escapes[c])
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			var r rune
			r, n = utf8.DecodeRune(b)
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(dst, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				dst = append(dst, `\u202`...)
				dst = append(dst, hexDigits[r&15])
			default:
				dst = append(dst, b[:n]...)
			}
		}
		b = b[n:]
	}
	return dst
}
