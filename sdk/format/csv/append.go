package csv

import (
	"strings"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/sdk/format/internal/scalar"
)

// lineWriter appends rows of one type as lines, planned once by reflection and
// run by offsets.
type lineWriter struct {
	comma  byte
	layout string
	cells  []cell
}

// cell is how one field of a row is written.
type cell struct {
	offset  uintptr
	pointer bool
	append  scalar.AppendFunc
}

func newLineWriter(comma byte, layout string, fields []field) *lineWriter {
	l := &lineWriter{comma: comma, layout: layout}
	if layout == "" {
		l.layout = time.RFC3339Nano
	}
	for i := range fields {
		f := &fields[i]
		c := cell{offset: f.offset, pointer: f.pointer}
		switch {
		case f.kind == column.Time:
			c.append = l.appendTime
		case f.kind == column.Bytes:
			c.append = l.appendBytes
		case f.kind == column.String && f.pointer:
			c.append = l.appendSome
		case f.kind == column.String:
			c.append = l.appendString
		default:
			c.append = scalar.Appender(f.elem())
		}
		l.cells = append(l.cells, c)
	}
	return l
}

// append appends one row with its line end.
func (l *lineWriter) append(dst []byte, row unsafe.Pointer) []byte {
	begin := len(dst)
	for i := range l.cells {
		if i > 0 {
			dst = append(dst, l.comma)
		}
		c := &l.cells[i]
		p := unsafe.Add(row, c.offset)
		if c.pointer {
			if p = *(*unsafe.Pointer)(p); p == nil {
				continue
			}
		}
		dst = c.append(dst, p)
	}
	if len(dst) == begin {
		dst = append(dst, `""`...) // a line with nothing on it would be no row
	}
	return append(dst, '\n')
}

// header returns the line of column names.
func (l *lineWriter) header(fields []field) []byte {
	var dst []byte
	for i := range fields {
		if i > 0 {
			dst = append(dst, l.comma)
		}
		dst = l.appendText(dst, fields[i].name)
	}
	return append(dst, '\n')
}

// appendText appends a text, in quotes if it would be read as another without.
func (l *lineWriter) appendText(dst []byte, text string) []byte {
	if !l.needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(dst, text...), '"')
}

// needsQuotes reports whether a text has a separator, quote or line end in it,
// or an end that some readers drop: space, or a byte order mark.
func (l *lineWriter) needsQuotes(text string) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c == l.comma || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	first, last := text[0], text[len(text)-1]
	return first == ' ' || first == '\t' || last == ' ' || last == '\t' || strings.HasPrefix(text, bom)
}

// appendSome appends a text that is not null: in quotes where it is empty.
func (l *lineWriter) appendSome(dst []byte, p unsafe.Pointer) []byte {
	if text := *(*string)(p); text != "" {
		return l.appendText(dst, text)
	}
	return append(dst, `""`...)
}

func (l *lineWriter) appendString(dst []byte, p unsafe.Pointer) []byte {
	return l.appendText(dst, *(*string)(p))
}

func (l *lineWriter) appendBytes(dst []byte, p unsafe.Pointer) []byte {
	b := *(*[]byte)(p)
	if b == nil {
		return dst
	}
	text := unsafe.String(unsafe.SliceData(b), len(b))
	return l.appendSome(dst, unsafe.Pointer(&text))
}

func (l *lineWriter) appendTime(dst []byte, p unsafe.Pointer) []byte {
	var buf [64]byte
	text := (*time.Time)(p).AppendFormat(buf[:0], l.layout)
	return l.appendText(dst, unsafe.String(unsafe.SliceData(text), len(text)))
}
