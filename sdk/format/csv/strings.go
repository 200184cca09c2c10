package csv

import (
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/column"
)

// slack is how much may be written behind a string: short ones are copied as
// two words, whatever their length.
const slack = 16

// strings parses a column of strings or bytes.
func (p *parser) strings() []*memory.Buffer {
	if long := p.long(); long != nil {
		return []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, int32(len(long))})), memory.NewBufferBytes(long)}
	}
	data := make([]byte, p.d.sizes[p.column].bytes(p.rows)+slack)
	offsets := make([]int32, p.rows+1)
	plain := !p.careful && !p.table.NoQuotes
	used := 0
	for i := range p.rows {
		from, to := p.at(i)
		n := to - from
		if used+n+slack > len(data) {
			data = append(data[:used], make([]byte, len(data)+n+slack)...)
		}
		if n <= 0 || p.careful || p.data[from] == '"' && plain {
			used += copy(data[used:], p.value(i, from, to))
		} else {
			copyString(data, used, p.data, from, n)
			used += n
		}
		offsets[i+1] = int32(used)
	}
	p.d.sizes[p.column] = textSize{used, p.rows}
	return []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data[:used])}
}

// long returns the text of a single row that is most of the window, as a view of
// it, and nil for all others: a row as long as a budget is not copied.
func (p *parser) long() []byte {
	if p.d.keep == nil || p.rows != 1 {
		return nil
	}
	from, to := p.at(0)
	if to-from < len(p.data)*3/4 {
		return nil
	}
	text := p.value(0, from, to)
	at := uintptr(unsafe.Pointer(unsafe.SliceData(text))) - uintptr(unsafe.Pointer(unsafe.SliceData(p.data)))
	if len(text) == 0 || at >= uintptr(len(p.data)) {
		return nil // it stands elsewhere, without the escapes
	}
	p.d.keep()
	return text[:len(text):len(text)]
}

// textSize is how many bytes the texts of a column had in the last batch. The
// next one is likely to be so too: adding up its lengths first would take a
// third of the time of reading it.
type textSize struct{ size, rows int }

// bytes guesses the bytes of a number of rows, with a margin of a sixteenth.
func (t textSize) bytes(rows int) int {
	const first = 8
	if t.rows == 0 {
		return rows * first
	}
	mean := (t.size/t.rows + 1) * rows
	return min(mean, int(int64(t.size)*int64(rows)/int64(t.rows)*17/16))
}

// copyString copies n bytes. There must be room for slack more in dst.
func copyString(dst []byte, to int, src []byte, from, n int) {
	if n > slack || from+slack > len(src) {
		copy(dst[to:to+n], src[from:from+n])
		return
	}
	d := unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), to)
	s := unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), from)
	*(*[slack]byte)(d) = *(*[slack]byte)(s)
}

// value returns the text of a field that is not simply a string. Where the
// field can be null, nothing at all is null and "" in quotes is empty.
func (p *parser) value(i, from, to int) []byte {
	text, quoted := p.text(from, to)
	if !quoted && p.field.nullable && (len(text) == 0 || p.field.kind == column.String && p.table.isNull(text)) {
		p.null(i)
		return nil
	}
	return text
}
