package jsonl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// input is what is parsed: whole lines.
//
// Invariant: the last byte of data is "\n", which no token contains and no
// white space within a line is. So whatever walks along the data byte by byte
// stops before its end, and needs no length to compare with.
type input struct {
	data []byte
	// text holds the strings that could not be views of data. It may be
	// replaced by a larger one while earlier strings view it.
	text []byte

	// What is wrong, once a parse function has returned failed.
	badAt  int    // where in data
	reason string // what is there and what should be
	path   string // the member that it belongs to
}

// parseFunc parses the value that begins at data[at] into the Go value at p,
// which is zero or an earlier value of the same member, and returns where the
// value ends, or failed.
type parseFunc func(in *input, at int, p unsafe.Pointer) int

// failed is what parse functions return when the input says why.
const failed = -1

// fail says what is wrong at a place.
func (in *input) fail(at int, reason string, args ...any) int {
	in.badAt, in.path = at, ""
	in.reason = fmt.Sprintf(reason, args...)
	return failed
}

// inside adds the name of the member whose value failed.
func (in *input) inside(name string) int {
	if in.path != "" && in.path[0] != '[' {
		name += "."
	}
	in.path = name + in.path
	return failed
}

// insideElement adds the number of the list element that failed.
func (in *input) insideElement(i int) int {
	return in.inside("[" + strconv.Itoa(i) + "]")
}

// message is what fail was told, with the member's name.
func (in *input) message() string {
	if in.path == "" {
		return in.reason
	}
	return fmt.Sprintf("member %q: %s", in.path, in.reason)
}

// expected fails because something else stands at a place.
func (in *input) expected(at int, what string) int {
	if in.data[at] == '\n' {
		return in.fail(at, "the line ends where %s should stand: each row is one line", what)
	}
	_, size := utf8.DecodeRune(in.data[at:])
	return in.fail(at, "found %q where %s should stand", in.data[at:at+size], what)
}

// mismatch fails because the value at a place, if it is one, is not what the
// Go type holds.
func (in *input) mismatch(at int, what, goType string) int {
	end := in.skip(at, 0)
	if end == failed {
		return failed
	}
	return in.fail(at, "%s is not %s (%s)", in.shown(at, end), what, goType)
}

// null reports whether null stands at a place; then its end is at+4.
func (in *input) null(at int) bool {
	return in.data[at] == 'n' && len(in.data)-at > 4 && string(in.data[at:at+4]) == "null"
}

// shownBytes is how much of a value a message shows.
const shownBytes = 60

// shown is the value between two places as messages show it.
func (in *input) shown(at, end int) string {
	switch in.data[at] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	text := string(in.data[at:min(end, at+shownBytes)])
	if end > at+shownBytes {
		text += "..."
	}
	return strings.ToValidUTF8(text, "�")
}

// space passes over the white space that may stand within a line.
func (in *input) space(at int) int {
	for {
		switch in.data[at] {
		case ' ', '\t', '\r':
			at++
		default:
			return at
		}
	}
}
