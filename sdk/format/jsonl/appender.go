package jsonl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// appendFunc appends the JSON of the value at p.
type appendFunc func(dst []byte, p unsafe.Pointer) ([]byte, error)

// appenderOf plans how values of a type are written: by reflection once, by
// offsets then.
func appenderOf(t *column.Type) (appendFunc, error) {
	if fn := appendByMethod(t.Go); fn != nil {
		return fn, nil
	}
	switch t.Kind {
	case column.Struct:
		return appendObject(t)
	case column.List:
		return appendList(t)
	case column.Pointer:
		elem, err := appenderOf(t.Elem)
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			if p = *(*unsafe.Pointer)(p); p == nil {
				return append(dst, "null"...), nil
			}
			return elem(dst, p)
		}, err
	case column.Time:
		return appendTime, nil
	case column.Bytes:
		return appendBytes, nil
	}
	return scalarAppenders[t.Go.Kind()], nil
}

var scalarAppenders = map[reflect.Kind]appendFunc{
	reflect.Bool:    appendBool,
	reflect.String:  appendStringAt,
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

// writtenMember is a member as it is written.
type writtenMember struct {
	name   string
	head   string // `,"name":`
	offset uintptr
	append appendFunc
	omit   func(p unsafe.Pointer) bool // nil if the member is always written
}

func appendObject(t *column.Type) (appendFunc, error) {
	found, err := membersOf(t)
	if err != nil {
		return nil, err
	}
	members := make([]writtenMember, len(found))
	for i, m := range found {
		fn, err := appenderOf(m.typ)
		if err != nil {
			return nil, err
		}
		members[i] = writtenMember{
			name: m.name, head: string(append(appendString([]byte(","), m.name), ':')),
			offset: m.offset, append: fn, omit: omission(m),
		}
	}
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		begin := len(dst)
		dst = append(dst, '{')
		for i := range members {
			m := &members[i]
			q := unsafe.Add(p, m.offset)
			if m.omit != nil && m.omit(q) {
				continue
			}
			head := m.head
			if len(dst) == begin+1 {
				head = head[1:]
			}
			var err error
			if dst, err = m.append(append(dst, head...), q); err != nil {
				return nil, inside(m.name, err)
			}
		}
		return append(dst, '}'), nil
	}, nil
}

// omission returns the function that says when a member is left out, or nil.
func omission(m member) func(p unsafe.Pointer) bool {
	zero, empty := isZero(m.typ.Go), isEmpty(m.typ)
	switch {
	case m.omitZero && m.omitEmpty && empty != nil:
		return func(p unsafe.Pointer) bool { return zero(p) || empty(p) }
	case m.omitZero:
		return zero
	case m.omitEmpty:
		return empty
	}
	return nil
}

// isEmpty returns what omitempty asks for: false, 0, nil, or of no length; nil
// for a type that is never empty.
func isEmpty(t *column.Type) func(p unsafe.Pointer) bool {
	switch t.Kind {
	case column.Struct, column.Time:
		return nil
	case column.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case column.Bytes, column.List:
		return func(p unsafe.Pointer) bool { return (*sliceHeader)(p).len == 0 }
	}
	return isZero(t.Go)
}

// isZero returns what omitzero asks for.
func isZero(t reflect.Type) func(p unsafe.Pointer) bool {
	type zeroer interface{ IsZero() bool }
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[zeroer]()) {
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Interface().(zeroer).IsZero() }
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

func appendList(t *column.Type) (appendFunc, error) {
	elem, err := appenderOf(t.Elem)
	size := t.Elem.Go.Size()
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		s := (*sliceHeader)(p)
		if s.ptr == nil {
			return append(dst, "null"...), nil
		}
		dst = append(dst, '[')
		for i := range s.len {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = elem(dst, unsafe.Add(s.ptr, uintptr(i)*size)); err != nil {
				return nil, inside("["+strconv.Itoa(i)+"]", err)
			}
		}
		return append(dst, ']'), nil
	}, err
}

// unwritable is a value that JSON cannot show.
type unwritable struct {
	path   string // the member
	reason error
}

// Error implements error.
func (e *unwritable) Error() string { return fmt.Sprintf("member %q: %v", e.path, e.reason) }

// Unwrap returns the reason.
func (e *unwritable) Unwrap() error { return e.reason }

// inside adds the name of the member whose value could not be written.
func inside(name string, err error) error {
	u, ok := errors.AsType[*unwritable](err)
	if !ok {
		return &unwritable{name, err}
	}
	if u.path[0] != '[' {
		name += "."
	}
	u.path = name + u.path
	return u
}

func appendBool(dst []byte, p unsafe.Pointer) ([]byte, error) {
	return strconv.AppendBool(dst, *(*bool)(p)), nil
}

func appendStringAt(dst []byte, p unsafe.Pointer) ([]byte, error) {
	return appendString(dst, *(*string)(p)), nil
}

func appendBytes(dst []byte, p unsafe.Pointer) ([]byte, error) {
	b := *(*[]byte)(p)
	if b == nil {
		return append(dst, "null"...), nil
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"'), nil
}

func appendInt[N int | int8 | int16 | int32 | int64](dst []byte, p unsafe.Pointer) ([]byte, error) {
	return strconv.AppendInt(dst, int64(*(*N)(p)), 10), nil
}

func appendUint[N uint | uint8 | uint16 | uint32 | uint64](dst []byte, p unsafe.Pointer) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(*(*N)(p)), 10), nil
}

func appendFloat32(dst []byte, p unsafe.Pointer) ([]byte, error) {
	return appendFloat(dst, float64(*(*float32)(p)), 32)
}

func appendFloat64(dst []byte, p unsafe.Pointer) ([]byte, error) {
	return appendFloat(dst, *(*float64)(p), 64)
}

// The absolute values below and from which floats have an exponent, as
// encoding/json and ECMAScript write them.
const smallest, large = 1e-6, 1e21

func appendFloat(dst []byte, v float64, bits int) ([]byte, error) {
	abs := math.Abs(v)
	if !(abs <= math.MaxFloat64) {
		return nil, fmt.Errorf("%v is no number of JSON: leave such rows out, or make the field a pointer and this one nil", v)
	}
	small, huge := float64(smallest), float64(large)
	if bits == 32 {
		small, huge = float64(float32(smallest)), float64(float32(large))
	}
	if abs == 0 || abs >= small && abs < huge {
		return strconv.AppendFloat(dst, v, 'f', -1, bits), nil
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	if n := len(dst); n >= 4 && string(dst[n-4:n-1]) == "e-0" { // e-09 is written e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

func appendTime(dst []byte, p unsafe.Pointer) ([]byte, error) {
	dst, err := (*time.Time)(p).AppendText(append(dst, '"'))
	return append(dst, '"'), err
}
