package text

import (
	"fmt"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
)

// appendFunc appends the text of the value at p.
type appendFunc func(dst []byte, p unsafe.Pointer) []byte

// field is one field of a row.
type field struct {
	offset uintptr
	append appendFunc
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
		return &rowText{[]field{{0, fn}}}, nil
	}
	r := &rowText{}
	for _, f := range t.Fields {
		fn, err := planValue(f.Type)
		if err != nil {
			return nil, refuse("field "+f.Name, err)
		}
		r.fields = append(r.fields, field{f.Offset, fn})
	}
	return r, nil
}

func refuse(what string, err error) error {
	return fault.New(fault.Invalid, "write rows as text: %s: %w: say what a line is with text.WriteFunc", what, err)
}

// planValue plans the text of a value without parts.
func planValue(t *column.Type) (appendFunc, error) {
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
	if t.Kind == column.Time {
		return appendTime, nil
	}
	if t.Kind == column.Bytes {
		return appendBytes, nil
	}
	// By the kind in Go, since int has another size in columns than in the
	// memory of some machines.
	if fn, ok := scalars[t.Go.Kind()]; ok {
		return fn, nil
	}
	return nil, fmt.Errorf("%v has parts, and a line has no one way to show them", t.Go)
}

var scalars = map[reflect.Kind]appendFunc{
	reflect.Bool:    appendBool,
	reflect.String:  appendString,
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

func appendBool(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendBool(dst, *(*bool)(p))
}

func appendString(dst []byte, p unsafe.Pointer) []byte { return append(dst, *(*string)(p)...) }

func appendBytes(dst []byte, p unsafe.Pointer) []byte { return append(dst, *(*[]byte)(p)...) }

func appendInt[N int | int8 | int16 | int32 | int64](dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendInt(dst, int64(*(*N)(p)), 10)
}

func appendUint[N uint | uint8 | uint16 | uint32 | uint64](dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendUint(dst, uint64(*(*N)(p)), 10)
}

func appendFloat32(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, float64(*(*float32)(p)), 'g', -1, 32)
}

func appendFloat64(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, *(*float64)(p), 'g', -1, 64)
}

func appendTime(dst []byte, p unsafe.Pointer) []byte {
	return (*time.Time)(p).AppendFormat(dst, time.RFC3339Nano)
}
