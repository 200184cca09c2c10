package csv

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/column"
)

// parser parses one column of a batch. What it allocates becomes the column.
type parser struct {
	cells
	d      *decoder
	field  *field
	column int // its index
	nulls  int
	valid  []byte // one bit a row, from the first null on
}

// column parses the column of field i. A value that does not fit becomes the
// decoder's problem, unless one in an earlier row is: then rows end there.
func (d *decoder) column(data []byte, i int) arrow.Array {
	f := &d.table.fields[i]
	p := parser{cells: d.cells(data, d.columns[i], f.nullable), d: d, field: f, column: i}
	if d.problem.err != nil {
		p.rows = d.rowBefore(d.problem.at)
	}
	var buffers []*memory.Buffer
	switch f.kind {
	case column.Bool:
		buffers = p.bools()
	case column.Int8:
		buffers = ints[int8](&p)
	case column.Int16:
		buffers = ints[int16](&p)
	case column.Int32:
		buffers = ints[int32](&p)
	case column.Int64:
		buffers = ints[int64](&p)
	case column.Uint8:
		buffers = uints[uint8](&p)
	case column.Uint16:
		buffers = uints[uint16](&p)
	case column.Uint32:
		buffers = uints[uint32](&p)
	case column.Uint64:
		buffers = uints[uint64](&p)
	case column.Float32:
		buffers = p.floats32()
	case column.Float64:
		buffers = p.floats64()
	case column.Time:
		buffers = p.times()
	default:
		buffers = p.strings()
	}
	if p.nulls > 0 {
		buffers[0] = memory.NewBufferBytes(p.valid)
	}
	return array.MakeFromData(array.NewData(d.table.schema.Field(i).Type, p.rows, buffers, nil, p.nulls, 0))
}

// rowBefore counts the rows that begin before a place, without the last.
func (d *decoder) rowBefore(at int) int {
	rows := 0
	for rows < len(d.scratch.starts) && int(d.scratch.starts[rows])+1 <= at {
		rows++
	}
	return max(rows-1, 0)
}

// values returns the buffers of a column of fixed width.
func values[N any](v []N) []*memory.Buffer {
	size := len(v) * int(unsafe.Sizeof(*new(N)))
	return []*memory.Buffer{nil, memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), size))}
}

// settle reads the text of a field that is not simply a value. It reports
// whether there is a text to parse: otherwise the field is null, or the
// column ends here because it cannot be.
func (p *parser) settle(i int) (text []byte, ok bool) {
	from, to := p.at(i)
	text, quoted := p.text(from, to)
	switch {
	case p.field.nullable && (len(text) == 0 || !quoted && p.table.isNull(text)):
		p.null(i)
		return nil, false
	case len(text) == 0:
		p.fail(i, fmt.Errorf("is empty, and %v cannot be null: use *%[1]v for a column with empty fields", p.field.goType))
		return nil, false
	}
	return text, true
}

// null makes row i null.
func (p *parser) null(i int) {
	if p.nulls == 0 {
		p.valid = make([]byte, (p.rows+7)/8)
		for j := range p.valid {
			p.valid[j] = 0xff
		}
	}
	p.valid[i/8] &^= 1 << (i % 8)
	p.nulls++
}

// fail ends the column at row i.
func (p *parser) fail(i int, err error) {
	from, to := p.at(i)
	p.d.problem = problem{at: min(from, to), err: fmt.Errorf("column %q: %w", p.field.name, err)}
	p.rows = i
}

// unfit fails with a text that is no value of the field's type.
func (p *parser) unfit(i int, text []byte, what string) {
	const shown = 40
	shortened := text
	if len(text) > shown {
		shortened = append(text[:shown:shown], "..."...)
	}
	p.fail(i, fmt.Errorf("%q is not %s (%v)", shortened, what, p.field.elem()))
}

func (p *parser) unfitInt(i int, text []byte) {
	if wholeNumber(text) {
		p.fail(i, fmt.Errorf("%s is out of the range of %v", text[:min(len(text), 40)], p.field.elem()))
		return
	}
	p.unfit(i, text, "a whole number")
}

func ints[N int8 | int16 | int32 | int64](p *parser) []*memory.Buffer {
	out := make([]N, p.rows)
	data, inner := p.data, len(p.data)-8
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		// Almost all numbers are these; a call a number would cost as much as
		// reading it.
		if n := to - from; uint(n-1) < 8 && from <= inner && !p.careful {
			if v, ok := digits8(load8(data, from), n); ok && int64(N(v)) == int64(v) {
				out[i] = N(v)
				continue
			}
		}
		v := p.int(i, from, to)
		if out[i] = N(v); int64(out[i]) != v {
			text, _ := p.text(from, to)
			p.unfitInt(i, text)
		}
	}
	return values(out)
}

// int reads any whole number, or none.
func (p *parser) int(i, from, to int) int64 {
	if v, ok := parseInt(p.data, from, to); ok && !p.careful {
		return v
	}
	text, some := p.settle(i)
	if !some {
		return 0
	}
	v, ok := parseInt(text, 0, len(text))
	if !ok {
		p.unfitInt(i, text)
		return 0
	}
	return v
}

func uints[N uint8 | uint16 | uint32 | uint64](p *parser) []*memory.Buffer {
	out := make([]N, p.rows)
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		v, ok := parseUint(p.data, from, to)
		if !ok || p.careful {
			text, some := p.settle(i)
			if !some {
				continue
			}
			if v, ok = parseUint(text, 0, len(text)); !ok {
				p.unfitInt(i, text)
				continue
			}
		}
		if out[i] = N(v); uint64(out[i]) != v {
			text, _ := p.text(from, to)
			p.unfitInt(i, text)
		}
	}
	return values(out)
}

func (p *parser) floats64() []*memory.Buffer {
	out := make([]float64, p.rows)
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		v, ok := parseFloat64(p.data, from, to)
		if !ok || p.careful {
			text, some := p.settle(i)
			if !some {
				continue
			}
			if v, ok = parseFloat64(text, 0, len(text)); !ok {
				p.unfit(i, text, "a number")
				continue
			}
		}
		out[i] = v
	}
	return values(out)
}

func (p *parser) floats32() []*memory.Buffer {
	out := make([]float32, p.rows)
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		v, ok := parseFloat32(p.data, from, to)
		if !ok || p.careful {
			text, some := p.settle(i)
			if !some {
				continue
			}
			if v, ok = parseFloat32(text, 0, len(text)); !ok {
				p.unfit(i, text, "a number")
				continue
			}
		}
		out[i] = v
	}
	return values(out)
}

func (p *parser) bools() []*memory.Buffer {
	out := make([]byte, (p.rows+7)/8)
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		v, ok := parseBool(p.data, from, to)
		if !ok || p.careful {
			text, some := p.settle(i)
			if !some {
				continue
			}
			if v, ok = parseBool(text, 0, len(text)); !ok {
				p.unfit(i, text, "true or false")
				continue
			}
		}
		if v {
			out[i/8] |= 1 << (i % 8)
		}
	}
	return values(out)
}

func (p *parser) times() []*memory.Buffer {
	out := make([]int64, p.rows)
	for i := 0; i < p.rows; i++ {
		text, some := p.settle(i)
		if !some {
			continue
		}
		v, ok := p.table.parseTime(text)
		if !ok {
			p.unfit(i, text, p.table.timeForm())
			continue
		}
		out[i] = v
	}
	return values(out)
}

// timeForm says what a time looks like.
func (t *table) timeForm() string {
	if t.TimeLayout == "" {
		return "a time like 2006-01-02T15:04:05Z or 2006-01-02 from 1678 to 2261"
	}
	return fmt.Sprintf("a time of the layout %q from 1678 to 2261", t.TimeLayout)
}
