package csv

import (
	"fmt"
	"reflect"
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

// settled parses what settle gives. It returns false, and the zero value, where
// there is no value.
func settled[N any](p *parser, i int, parse func(text []byte, from, to int) (N, bool), unfit func(text []byte, field reflect.Type) error) (v N, ok bool) {
	text, some := p.settle(i)
	if !some {
		return v, false
	}
	if v, ok = parse(text, 0, len(text)); !ok {
		p.fail(i, unfit(text, p.field.elem()))
		return *new(N), false
	}
	return v, true
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

// unfit says that a text is no value of a field's type.
func unfit(text []byte, what string, field reflect.Type) error {
	const shown = 40
	shortened := text
	if len(text) > shown {
		shortened = append(text[:shown:shown], "..."...)
	}
	return fmt.Errorf("%q is not %s (%v)", shortened, what, field)
}

func unfitNumber(text []byte, field reflect.Type) error { return unfit(text, "a number", field) }

func unfitBool(text []byte, field reflect.Type) error { return unfit(text, "true or false", field) }

func unfitInt(text []byte, field reflect.Type) error {
	if wholeNumber(text) {
		return fmt.Errorf("%s is out of the range of %v", text[:min(len(text), 40)], field)
	}
	return unfit(text, "a whole number", field)
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
			p.fail(i, unfitInt(text, p.field.elem()))
		}
	}
	return values(out)
}

// int reads any whole number, or none.
func (p *parser) int(i, from, to int) int64 {
	if v, ok := parseInt(p.data, from, to); ok && !p.careful {
		return v
	}
	v, _ := settled(p, i, parseInt, unfitInt)
	return v
}

func uints[N uint8 | uint16 | uint32 | uint64](p *parser) []*memory.Buffer {
	out := make([]N, p.rows)
	for i := 0; i < p.rows; i++ {
		from, to := p.at(i)
		v, ok := parseUint(p.data, from, to)
		if !ok || p.careful {
			if v, ok = settled(p, i, parseUint, unfitInt); !ok {
				continue
			}
		}
		if out[i] = N(v); uint64(out[i]) != v {
			text, _ := p.text(from, to)
			p.fail(i, unfitInt(text, p.field.elem()))
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
			if v, ok = settled(p, i, parseFloat64, unfitNumber); !ok {
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
			if v, ok = settled(p, i, parseFloat32, unfitNumber); !ok {
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
			if v, ok = settled(p, i, parseBool, unfitBool); !ok {
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
			p.fail(i, unfit(text, p.table.timeForm(), p.field.elem()))
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
