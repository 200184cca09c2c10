package jsonl

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// stops marks the bytes of a word that a string does not hold as they are, by
// their high bits: quotes, backslashes and control characters. Marks above the
// lowest may be wrong, by the borrow of the subtractions.
func stops(word uint64) uint64 {
	quote, backslash := word^0x22*lowBits, word^0x5c*lowBits
	return ((quote-lowBits)&^quote | (backslash-lowBits)&^backslash | (word-0x20*lowBits)&^word) & highBits
}

// stringEnd returns the place of the quote that ends the string whose bytes
// begin at a place, and whether the string is what these bytes are: without
// escapes and without bytes that are no UTF-8.
func (in *input) stringEnd(start int) (end int, plain bool) {
	data, at, high := in.data, start, uint64(0)
	for ; at+8 <= len(data); at += 8 {
		word := binary.LittleEndian.Uint64(data[at:])
		mark := stops(word)
		if mark == 0 {
			high |= word
			continue
		}
		n := bits.TrailingZeros64(mark) >> 3
		high |= word & (1<<(8*n) - 1)
		return in.stringStop(start, at+n, high)
	}
	for ; data[at] >= ' ' && data[at] != '"' && data[at] != '\\'; at++ {
		high |= uint64(data[at])
	}
	return in.stringStop(start, at, high)
}

// stringStop is stringEnd at the first byte that a string does not hold as it
// is. The bytes before have their high bits in high.
func (in *input) stringStop(start, at int, high uint64) (end int, plain bool) {
	if in.data[at] != '"' {
		return in.escapedEnd(at), false
	}
	return at, high&highBits == 0 || utf8.Valid(in.data[start:at])
}

// escapedEnd finds the end of a string and checks its escapes.
func (in *input) escapedEnd(at int) int {
	for {
		switch c := in.data[at]; {
		case c == '"':
			return at
		case c == '\\':
			n := in.escapeLen(at)
			if n == 0 {
				return in.fail(at, "an escape in a string is not one of JSON")
			}
			at += n
		case c == '\n', c == '\r' && in.data[at+1] == '\n':
			return in.fail(at, "the line ends within a string: each row is one line")
		case c < ' ':
			return in.fail(at, "the control character 0x%02x in a string is not escaped", c)
		default:
			at++
		}
	}
}

// escapeLen returns the length of the escape at a place, 0 if it is none.
func (in *input) escapeLen(at int) int {
	switch in.data[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(in.data[at+2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four digits of an escape.
func hex4(data []byte) (r rune, ok bool) {
	if len(data) < 4 {
		return 0, false
	}
	for _, c := range data[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescaped maps the letters of short escapes to what they stand for.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquote returns what the bytes of a string stand for, kept in the input's
// text. Halves of surrogate pairs and bytes that are no UTF-8 become U+FFFD.
func (in *input) unquote(raw []byte) []byte {
	text := slices.Grow(in.text, len(raw))
	start := len(text)
	for at := 0; at < len(raw); {
		switch c := raw[at]; {
		case c == '\\' && raw[at+1] == 'u':
			r, n := unicodeEscape(raw[at:])
			text = utf8.AppendRune(text, r)
			at += n
		case c == '\\':
			text = append(text, unescaped[raw[at+1]])
			at += 2
		case c < utf8.RuneSelf:
			n := plainBytes(raw[at:])
			text = append(text, raw[at:at+n]...)
			at += n
		default:
			r, n := utf8.DecodeRune(raw[at:])
			text = utf8.AppendRune(text, r)
			at += n
		}
	}
	in.text = text
	return text[start:len(text):len(text)]
}

// unicodeEscape returns the rune of the escape, or of the pair of escapes, at
// the beginning of raw, and their length.
func unicodeEscape(raw []byte) (r rune, size int) {
	r, _ = hex4(raw[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		if low, ok := hex4(raw[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return utf8.RuneError, 6
}

// content returns what the string stands for whose quote is at a place, and
// where it ends; the end is failed if it is none.
func (in *input) content(at int) (text []byte, end int) {
	end, plain := in.stringEnd(at + 1)
	if end == failed {
		return nil, failed
	}
	text = in.data[at+1 : end]
	if !plain {
		text = in.unquote(text)
	}
	return text, end + 1
}

// parseString is the parseFunc of strings. They view the data or the text.
func parseString(in *input, at int, p unsafe.Pointer) int {
	if in.data[at] != '"' {
		return in.notString(at, "string")
	}
	end, plain := in.stringEnd(at + 1)
	if end == failed {
		return failed
	}
	text := in.data[at+1 : end]
	if !plain {
		text = in.unquote(text)
	}
	*(*string)(p) = unsafe.String(unsafe.SliceData(text), len(text))
	return end + 1
}

// notString is what stands where a string should: null, or an error.
func (in *input) notString(at int, goType string) int {
	if in.null(at) {
		return at + 4
	}
	return in.mismatch(at, "a string", goType)
}

// parseBytes is the parseFunc of []byte: base64, or an array of numbers, as
// encoding/json takes both.
func parseBytes(in *input, at int, p unsafe.Pointer) int {
	switch {
	case in.data[at] == '"':
	case in.null(at):
		*(*[]byte)(p) = nil
		return at + 4
	case in.data[at] == '[':
		return parseByteArray(in, at, p)
	default:
		return in.mismatch(at, "a string of base64", "[]byte")
	}
	text, end := in.content(at)
	if end == failed {
		return failed
	}
	in.text = slices.Grow(in.text, base64.StdEncoding.DecodedLen(len(text))+1) // so that no bytes are not nil
	dst := in.text[len(in.text):cap(in.text)]
	n, err := base64.StdEncoding.Decode(dst, text)
	if err != nil {
		return in.fail(at, "%s is not a string of base64 ([]byte)", in.shown(at, end))
	}
	in.text = in.text[:len(in.text)+n]
	*(*[]byte)(p) = dst[:n:n]
	return end
}

// parseByteArray reads bytes that are written as an array of numbers.
func parseByteArray(in *input, at int, p unsafe.Pointer) int {
	values := []byte{}
	end := in.elements(at, func(_, at int) int {
		values = append(values, 0)
		return parseInt[uint8](in, at, unsafe.Pointer(&values[len(values)-1]))
	})
	if end != failed {
		*(*[]byte)(p) = values
	}
	return end
}
