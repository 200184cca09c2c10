package jsonl

import (
	"reflect"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// rowParser parses lines into rows of one type and puts them into columns. It
// is made by reflection once and used by one goroutine at a time.
type rowParser struct {
	in      input
	row     parseFunc
	builder *column.Builder

	arenas []*arena // of the rows and of what they are made of
	rows   *arena
	chunk  int // rows that are parsed before they are put into columns

	// keep, when set, lets the columns of a long row view the window.
	keep func()
}

// The rows of a chunk stay in the first-level cache until they are columns.
const (
	chunkBytes = 16 << 10
	chunkRows  = 256
)

func newRowParser(t *column.Type, o ReadOptions) (*rowParser, error) {
	p := &rowParser{builder: column.NewBuilder(t)}
	p.rows = p.arena(t.Go)
	p.chunk = min(max(chunkBytes/max(int(t.Go.Size()), 1), 1), chunkRows)
	var err error
	p.row, err = p.parserOf(t, o, 0)
	return p, err
}

func (p *rowParser) arena(elem reflect.Type) *arena {
	a := newArena(elem)
	p.arenas = append(p.arenas, a)
	return a
}

// parserOf returns the parseFunc of a type. Depth is how many objects and
// arrays there are around its values.
func (p *rowParser) parserOf(t *column.Type, o ReadOptions, depth int) (parseFunc, error) {
	if parse := parseByMethod(t.Go); parse != nil {
		return parse, nil
	}
	switch t.Kind {
	case column.Struct:
		return p.objectOf(t, o, depth+1)
	case column.List:
		elem, err := p.parserOf(t.Elem, o, depth+1)
		return (&list{elem: elem, elements: p.arena(t.Elem.Go), goType: t.Go.String()}).parse, err
	case column.Pointer:
		elem, err := p.parserOf(t.Elem, o, depth)
		return (&pointer{elem: elem, values: p.arena(t.Elem.Go)}).parse, err
	case column.Time:
		return parseTime, nil
	case column.Bytes:
		return parseBytes, nil
	}
	// By the kind in Go, since int has another size in columns than in the
	// memory of some machines.
	return scalars[t.Go.Kind()], nil
}

var scalars = map[reflect.Kind]parseFunc{
	reflect.Bool:    parseBool,
	reflect.String:  parseString,
	reflect.Int:     parseInt[int],
	reflect.Int8:    parseInt[int8],
	reflect.Int16:   parseInt[int16],
	reflect.Int32:   parseInt[int32],
	reflect.Int64:   parseInt[int64],
	reflect.Uint:    parseInt[uint],
	reflect.Uint8:   parseInt[uint8],
	reflect.Uint16:  parseInt[uint16],
	reflect.Uint32:  parseInt[uint32],
	reflect.Uint64:  parseInt[uint64],
	reflect.Float32: parseFloat32,
	reflect.Float64: parseFloat64,
}

func (p *rowParser) objectOf(t *column.Type, o ReadOptions, depth int) (parseFunc, error) {
	members, err := membersOf(t)
	if err != nil {
		return nil, err
	}
	obj := &object{
		goType: t.Go.String(), strict: o.Strict, depth: depth,
		members: map[string]*objectMember{}, folded: map[string]*objectMember{}, names: map[string]*spelling{},
	}
	for _, m := range members {
		parse, err := p.parserOf(m.typ, o, depth)
		if err != nil {
			return nil, err
		}
		om := &objectMember{name: m.name, offset: m.offset, parse: parse}
		obj.members[m.name] = om
		if folded := fold([]byte(m.name)); obj.folded[folded] == nil {
			obj.folded[folded] = om
		}
	}
	return obj.parse, nil
}

// parseBool is the parseFunc of bools.
func parseBool(in *input, at int, p unsafe.Pointer) int {
	switch rest := in.data[at:]; {
	case len(rest) > 4 && string(rest[:4]) == "true":
		*(*bool)(p) = true
		return at + 4
	case len(rest) > 5 && string(rest[:5]) == "false":
		*(*bool)(p) = false
		return at + 5
	case in.null(at):
		return at + 4
	}
	return in.mismatch(at, "true or false", "bool")
}

// line parses the line that begins at a place. It returns the place of its
// "\n", or failed, and whether there is a row in it.
func (p *rowParser) line(at int) (end int, row bool, err error) {
	in := &p.in
	if in.data[at] <= ' ' {
		at = in.space(at)
	}
	if in.data[at] == '\n' {
		return at, false, nil
	}
	if p.rows.used == p.chunk {
		if err := p.flush(); err != nil {
			return failed, false, err
		}
	}
	first := 0 // all rows of a chunk are one list
	if at = p.row(in, at, p.rows.next(&first)); at == failed {
		return failed, false, nil
	}
	if in.data[at] <= ' ' {
		at = in.space(at)
	}
	if in.data[at] != '\n' {
		return in.expected(at, "the end of the line"), false, nil
	}
	return at, true, nil
}

// flush puts the rows that are parsed into columns, which copy them.
func (p *rowParser) flush() error {
	if p.keep != nil && p.rows.used == 1 {
		viewed, err := p.builder.AppendView(p.rows.base, p.in.data)
		if err != nil {
			return err
		}
		if viewed {
			p.keep()
		}
	} else if err := p.builder.Append(p.rows.base, p.rows.size, p.rows.used); err != nil {
		return err
	}
	p.forget()
	return nil
}

// forget forgets the rows that are parsed, so that nothing keeps the input's
// memory or is seen by the next user.
func (p *rowParser) forget() {
	for _, a := range p.arenas {
		a.reset()
	}
	p.in.text = p.in.text[:0]
	if cap(p.in.text) > keptBytes {
		p.in.text = nil
	}
}

// reset makes the parser ready for another file.
func (p *rowParser) reset() {
	p.forget()
	p.builder.Reset()
	p.in, p.keep = input{text: p.in.text}, nil
}
