package csv

import (
	"bytes"
	"fmt"

	"github.com/sheafdata/sheaf/sdk/format"
)

// found is what walk found.
type found uint8

const (
	foundRow     found = iota // a row, which is added to the scratch
	foundNothing              // an empty line or a comment
	foundNone                 // nothing whole: a longer window is needed
	foundProblem              // what is no row; d.problem says why
)

// anyWidth makes walk take a row as it is: the header.
const anyWidth = 0

// walker goes through one row byte by byte, with all that a row can be.
type walker struct {
	d     *decoder
	data  []byte
	final bool
	start int
	pos   int
	ended bool // pos is behind the row
}

// walk finds the row at the beginning of data[at:] and returns where the next
// one begins. It decides all that sweep does not: rows with other numbers of
// fields, empty lines, comments, the last row without its end, stray quotes.
func (d *decoder) walk(w format.Window, at, width int) (next int, what found) {
	k := walker{d: d, data: w.Data, final: w.Final, start: at, pos: at}
	s := d.scratch
	ends := len(s.ends)
	if next, what, ok := k.nothing(); ok {
		return next, what
	}
	for !k.ended {
		end, what := k.field()
		if what != foundRow {
			s.ends = s.ends[:ends]
			return at, what
		}
		s.ends = append(s.ends, int32(end))
	}
	last := int(s.ends[len(s.ends)-1])
	if int64(last-at) > d.piece.Options.MaxRowBytes {
		s.ends = s.ends[:ends]
		return at, d.fail(at, d.piece.RowTooLong(w.Offset+int64(at)))
	}
	if have := len(s.ends) - ends; width != anyWidth && have != width {
		if !d.table.Ragged {
			s.ends = s.ends[:ends]
			what := d.wrong(at, "the row has %s, want %d", count(have, "field"), width)
			d.problem.row = span{at, k.pos}
			return at, what
		}
		for ; have < width; have++ {
			s.ends = append(s.ends, int32(last))
		}
		s.ends = s.ends[:ends+width]
	}
	s.starts = append(s.starts, int32(at-1))
	return k.pos, foundRow
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// nothing passes over a line that is no row.
func (k *walker) nothing() (next int, what found, ok bool) {
	rest := k.data[k.pos:]
	switch {
	case rest[0] == '\n':
		return k.pos + 1, foundNothing, true
	case rest[0] == '\r' && len(rest) == 1:
		if k.final {
			return k.pos + 1, foundNothing, true
		}
		return k.pos, foundNone, true
	case rest[0] == '\r' && rest[1] == '\n':
		return k.pos + 2, foundNothing, true
	case k.d.table.comment == 0 || rest[0] != k.d.table.comment:
		return 0, foundRow, false
	}
	if end := newlineFrom(k.data, k.pos); end >= 0 {
		return end + 1, foundNothing, true
	}
	if k.final {
		return len(k.data), foundNothing, true
	}
	return k.pos, foundNone, true
}

// field finds where the field at pos ends, and moves behind what ends it.
func (k *walker) field() (end int, what found) {
	t := k.d.table
	begin := k.pos
	if t.TrimSpace {
		begin += len(k.data[begin:]) - len(bytes.TrimLeft(k.data[begin:], t.space))
	}
	if !t.NoQuotes && begin < len(k.data) && k.data[begin] == '"' {
		return k.quoted(begin)
	}
	for i := k.pos; i < len(k.data); i++ {
		switch c := k.data[i]; {
		case c == t.comma:
			k.pos = i + 1
			return i, foundRow
		case c == '\n':
			return k.end(i, i+1), foundRow
		case c == '"' && !t.NoQuotes && !t.LazyQuotes:
			return 0, k.d.wrong(i, "a quote stands inside a field that does not begin with one: put the field in quotes and double those inside, or set LazyQuotes or NoQuotes")
		}
	}
	if !k.final {
		return 0, foundNone
	}
	return k.end(len(k.data), len(k.data)), foundRow
}

// end ends the row: its last field ends before a "\r" at end.
func (k *walker) end(end, next int) int {
	k.pos, k.ended = next, true
	if end > k.start && k.data[end-1] == '\r' {
		end--
	}
	return end
}

// quoted is field for one whose quote stands at open.
func (k *walker) quoted(open int) (end int, what found) {
	t := k.d.table
	for at := open + 1; ; {
		i := bytes.IndexByte(k.data[at:], '"')
		if i < 0 {
			return k.unclosed(open)
		}
		quote := at + i
		behind := quote + 1
		if t.TrimSpace {
			behind += len(k.data[behind:]) - len(bytes.TrimLeft(k.data[behind:], t.space))
		}
		rest := k.data[behind:]
		switch {
		case len(rest) > 0 && rest[0] == '"' && behind == quote+1:
			at = behind + 1
			continue
		case len(rest) > 0 && rest[0] == t.comma:
			k.pos = behind + 1
			return behind, foundRow
		case len(rest) > 0 && rest[0] == '\n':
			return k.end(behind, behind+1), foundRow
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return k.end(behind+1, behind+2), foundRow
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			if !k.final {
				return 0, foundNone
			}
			return k.end(len(k.data), len(k.data)), foundRow
		case !t.LazyQuotes:
			return 0, k.d.wrong(quote, "a quote inside a field in quotes stands alone: double it, or end the field behind it, or set LazyQuotes")
		}
		at = quote + 1
	}
}

// unclosed is quoted for a field whose second quote is not in the window.
func (k *walker) unclosed(open int) (end int, what found) {
	if !k.final {
		return 0, foundNone
	}
	if k.d.table.LazyQuotes {
		return k.end(len(k.data), len(k.data)), foundRow
	}
	return 0, k.d.wrong(open, "the quote that begins here is not closed before the end of the file")
}

// fail keeps an error that already says where it is.
func (d *decoder) fail(at int, err error) found {
	d.problem = problem{at: at, err: err, placed: true}
	return foundProblem
}

// wrong keeps an error at a place of the window.
func (d *decoder) wrong(at int, format string, args ...any) found {
	d.problem = problem{at: at, err: fmt.Errorf(format, args...)}
	return foundProblem
}
