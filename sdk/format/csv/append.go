package csv

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
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
	append  func(l *lineWriter, dst []byte, p unsafe.Pointer) []byte
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
			c.append = (*lineWriter).appendTime
		case f.kind == column.Bytes:
			c.append = (*lineWriter).appendBytes
		case f.kind == column.String && f.pointer:
			c.append = (*lineWriter).appendSome
		default:
			// By the kind in Go, since int has another size in columns than in the
			// memory of some machines.
			c.append = scalars[f.elem().Kind()]
		}
		l.cells = append(l.cells, c)
	}
	return l
}

var scalars = map[reflect.Kind]func(*lineWriter, []byte, unsafe.Pointer) []byte{
	reflect.Bool:    (*lineWriter).appendBool,
	reflect.String:  (*lineWriter).appendString,
	reflect.Int:     appendInt[int],
	reflect.Int8:    appendInt[int8],
	reflect.Int16:   appendInt[int16],
	reflect.Int32:   appendInt[int32],
	reflect.Int64:   appendInt[int64],
	reflect.Uint:    appendUint[uint],
	reflect.Uint8:   appendUint[uint8],
	reflect.Uint16:  appendUint[uint16],
	reflect.Uint32:  appendUint[uint32],
	reflect.Uint64:  appendUint[uint64],
	reflect.Float32: appendFloat32,
	reflect.Float64: appendFloat64,
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
		dst = c.append(l, dst, p)
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

func (l *lineWriter) appendBool(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendBool(dst, *(*bool)(p))
}

func appendInt[N int | int8 | int16 | int32 | int64](_ *lineWriter, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendInt(dst, int64(*(*N)(p)), 10)
}

func appendUint[N uint | uint8 | uint16 | uint32 | uint64](_ *lineWriter, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendUint(dst, uint64(*(*N)(p)), 10)
}

func appendFloat32(_ *lineWriter, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, float64(*(*float32)(p)), 'g', -1, 32)
}

func appendFloat64(_ *lineWriter, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, *(*float64)(p), 'g', -1, 64)
}
