package text

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format/internal/scalar"
)

// field is one field of a row.
type field struct {
	offset uintptr
	append scalar.AppendFunc
	kind   column.Kind
}

// rowText is how rows of one type become text, planned once by reflection and
// run by offsets.
type rowText struct{ fields []field }

// planRow plans the text of a row type: the fields of a struct between tabs,
// any other value alone.
func planRow(t *column.Type) (*rowText, error) {
	if t.Kind != column.Struct {
		fn, err := planValue(t)
		if err != nil {
			return nil, refuse(t.String(), err)
		}
		return &rowText{[]field{{0, fn, t.Kind}}}, nil
	}
	r := &rowText{}
	for _, f := range t.Fields {
		fn, err := planValue(f.Type)
		if err != nil {
			return nil, refuse("field "+f.Name, err)
		}
		r.fields = append(r.fields, field{f.Offset, fn, f.Type.Kind})
	}
	return r, nil
}

func refuse(what string, err error) error {
	return fault.New(fault.Invalid, "write rows as text: %s: %w: say what a line is with text.WriteFunc", what, err)
}

// planValue plans the text of a value without parts.
func planValue(t *column.Type) (scalar.AppendFunc, error) {
	if t.Kind == column.Pointer {
		elem, err := planValue(t.Elem)
		if err != nil {
			return nil, err
		}
		return func(dst []byte, p unsafe.Pointer) []byte {
			if p = *(*unsafe.Pointer)(p); p == nil {
				return dst
			}
			return elem(dst, p)
		}, nil
	}
	switch t.Kind {
	case column.String:
		return appendString, nil
	case column.Bytes:
		return appendBytes, nil
	case column.Time:
		return appendTime, nil
	}
	if fn := scalar.Appender(t.Go); fn != nil {
		return fn, nil
	}
	return nil, fmt.Errorf("%v has parts, and a line has no one way to show them", t.Go)
}

// append appends one row without its line end.
func (r *rowText) append(dst []byte, p unsafe.Pointer) []byte {
	for i := range r.fields {
		if i > 0 {
			dst = append(dst, '\t')
		}
		f := &r.fields[i]
		dst = f.append(dst, unsafe.Add(p, f.offset))
	}
	return dst
}

// pieces appends one row with its line end to dst, piece by piece: strings are
// views of the row.
func (r *rowText) pieces(dst [][]byte, p unsafe.Pointer) [][]byte {
	var own []byte
	for i := range r.fields {
		if i > 0 {
			own = append(own, '\t')
		}
		f := &r.fields[i]
		at := unsafe.Add(p, f.offset)
		var text []byte
		switch f.kind {
		case column.String:
			s := *(*string)(at)
			text = unsafe.Slice(unsafe.StringData(s), len(s))
		case column.Bytes:
			text = *(*[]byte)(at)
		default:
			own = f.append(own, at)
			continue
		}
		dst = append(dst, own, text)
		own = own[len(own):] // what was appended stays where it is
	}
	return append(dst, append(own, '\n'))
}

func appendString(dst []byte, p unsafe.Pointer) []byte { return append(dst, *(*string)(p)...) }

func appendBytes(dst []byte, p unsafe.Pointer) []byte { return append(dst, *(*[]byte)(p)...) }

func appendTime(dst []byte, p unsafe.Pointer) []byte {
	return (*time.Time)(p).AppendFormat(dst, time.RFC3339Nano)
}
