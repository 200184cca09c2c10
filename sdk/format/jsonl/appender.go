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
	"github.com/sheafdata/sheaf/sdk/format/internal/scalar"
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
	case column.String:
		return appendStringAt, nil
	case column.Float32:
		return appendFloat32, nil
	case column.Float64:
		return appendFloat64, nil
	}
	plain := plainAppender(t)
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) { return plain(dst, p), nil }, nil
}

// plainAppender returns the function for values that JSON shows as plain text
// does and that cannot fail, or nil.
func plainAppender(t *column.Type) scalar.AppendFunc {
	if appendByMethod(t.Go) != nil || t.Kind == column.Float32 || t.Kind == column.Float64 {
		return nil
	}
	return scalar.Appender(t.Go)
}

// writtenMember is a member as it is written.
type writtenMember struct {
	name   string
	head   string // `,"name":`
	offset uintptr
	append appendFunc
	plain  scalar.AppendFunc           // instead of append, unless nil: a call for each value less
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
			offset: m.offset, append: fn, plain: plainAppender(m.typ), omit: omission(m),
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
			dst = append(dst, head...)
			if m.plain != nil {
				dst = m.plain(dst, q)
				continue
			}
			var err error
			if dst, err = m.append(dst, q); err != nil {
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
	plain := plainAppender(t.Elem)
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
			q := unsafe.Add(s.ptr, uintptr(i)*size)
			if plain != nil {
				dst = plain(dst, q)
				continue
			}
			var err error
			if dst, err = elem(dst, q); err != nil {
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
