// Package column is all that Sheaf knows of Arrow: how a Go row type becomes
// columns (planned once by reflection, then run by offsets), how rows are
// built into record batches and scanned out of them, how keys become binary
// strings in order, how columns are hashed, and the frame in which columns
// travel. The SDK, the operators and the shuffle use it inside user programs;
// daemons never link it. It owns no goroutine; its batches use garbage
// collected memory, so nobody has to release them.
package column

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Kind says how a value of a Go type is stored.
type Kind uint8

// The kinds. Int and uint are 64 bits wide in columns; Time is nanoseconds
// since 1970 in UTC; Bytes and List keep nil apart from empty; Pointer is a
// value that may be null.
const (
	Bool Kind = iota
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	String
	Bytes
	Time
	Struct
	List
	Pointer
)

// Type is the plan of one Go type: what its column or columns are.
// Types are immutable and shared.
type Type struct {
	Go     reflect.Type
	Kind   Kind
	Fields []Field // of a Struct
	Elem   *Type   // of a List or a Pointer
}

// Field is one stored field of a struct type.
type Field struct {
	Name   string // of the column: the field's name or its tag
	Offset uintptr
	Type   *Type
}

// TypeError says why a Go type cannot be a row. Path leads from the row type
// to the part at fault: "Order.Lines[].Price".
type TypeError struct {
	Path   string
	Reason string
}

// Error implements error.
func (e *TypeError) Error() string { return e.Path + ": " + e.Reason }

// Tag is the key of the struct tag that renames a field's column;
// "-" leaves the field out.
const Tag = "sheaf"

var types sync.Map // reflect.Type -> *Type or error

// Of returns the plan of a Go type, or a *TypeError.
func Of(t reflect.Type) (*Type, error) {
	if v, ok := types.Load(t); ok {
		return unpack(v)
	}
	var v any
	typ, err := typeOf(t, rowName(t), nil)
	if v = typ; err != nil {
		v = err
	}
	v, _ = types.LoadOrStore(t, v)
	return unpack(v)
}

func unpack(v any) (*Type, error) {
	if err, ok := v.(error); ok {
		return nil, err
	}
	return v.(*Type), nil
}

// For returns the plan of T.
func For[T any]() (*Type, error) { return Of(reflect.TypeFor[T]()) }

// rowName shortens the names of generic instances, which Go spells with full
// package paths.
func rowName(t reflect.Type) string {
	if name := t.Name(); name != "" {
		name, _, _ = strings.Cut(name, "[")
		return name
	}
	return t.String()
}

var (
	timeType = reflect.TypeFor[time.Time]()
)

var scalars = map[reflect.Kind]Kind{
	reflect.Bool: Bool,
	reflect.Int:  Int64, reflect.Int8: Int8, reflect.Int16: Int16, reflect.Int32: Int32, reflect.Int64: Int64,
	reflect.Uint: Uint64, reflect.Uint8: Uint8, reflect.Uint16: Uint16, reflect.Uint32: Uint32, reflect.Uint64: Uint64,
	reflect.Float32: Float32, reflect.Float64: Float64, reflect.String: String,
}

// typeOf plans t; outer holds the types that contain it, to find recursion.
func typeOf(t reflect.Type, path string, outer []reflect.Type) (*Type, error) {
	for _, o := range outer {
		if o == t {
			return nil, &TypeError{path, fmt.Sprintf("type %v contains itself; a row must have a fixed set of columns", t)}
		}
	}
	if t == timeType {
		return &Type{Go: t, Kind: Time}, nil
	}
	if k, ok := scalars[t.Kind()]; ok {
		return &Type{Go: t, Kind: k}, nil
	}
	outer = append(outer, t)
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Type{Go: t, Kind: Bytes}, nil
		}
		elem, err := typeOf(t.Elem(), path+"[]", outer)
		if err != nil {
			return nil, err
		}
		return &Type{Go: t, Kind: List, Elem: elem}, nil
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Pointer {
			return nil, &TypeError{path, fmt.Sprintf("%v is a pointer to a pointer; one level says null", t)}
		}
		elem, err := typeOf(t.Elem(), path, outer)
		if err != nil {
			return nil, err
		}
		if elem.Kind == List || elem.Kind == Bytes {
			return nil, &TypeError{path, fmt.Sprintf("%v is a pointer to a slice; a slice without pointer can be nil already", t)}
		}
		return &Type{Go: t, Kind: Pointer, Elem: elem}, nil
	case reflect.Struct:
		return structOf(t, path, outer)
	}
	return nil, &TypeError{path, fmt.Sprintf("type %v cannot be stored in a column; use bool, numbers, string, []byte, time.Time, or pointers, slices and structs of these", t)}
}

func structOf(t reflect.Type, path string, outer []reflect.Type) (*Type, error) {
	typ := &Type{Go: t, Kind: Struct}
	seen := map[string]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Name
		if tag, ok := f.Tag.Lookup(Tag); ok {
			if tag == "-" {
				continue
			}
			if tag != "" {
				name = tag
			}
		}
		at := path + "." + f.Name
		if !f.IsExported() {
			return nil, &TypeError{at, "the field is not exported, so its value would be lost; export it, or leave it out with the tag `" + Tag + `:"-"` + "`"}
		}
		if other, ok := seen[name]; ok {
			return nil, &TypeError{at, fmt.Sprintf("the column name %q is taken by field %s; rename one with the tag `"+Tag+`:"name"`+"`", name, other)}
		}
		seen[name] = f.Name
		ft, err := typeOf(f.Type, at, outer)
		if err != nil {
			return nil, err
		}
		typ.Fields = append(typ.Fields, Field{Name: name, Offset: f.Offset, Type: ft})
	}
	return typ, nil
}

// Flat reports whether a copy of a value owns all of its memory: no string,
// slice or pointer inside.
func (t *Type) Flat() bool {
	switch t.Kind {
	case String, Bytes, List, Pointer, Time: // a time.Time points to its location
		return false
	case Struct:
		for _, f := range t.Fields {
			if !f.Type.Flat() {
				return false
			}
		}
	}
	return true
}

// String describes the type for fingerprints and messages: kinds, column
// names and nesting, without package paths.
func (t *Type) String() string {
	switch t.Kind {
	case Struct:
		var b strings.Builder
		b.WriteString("{")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.Name + " " + f.Type.String())
		}
		return b.String() + "}"
	case List:
		return "[]" + t.Elem.String()
	case Pointer:
		return "*" + t.Elem.String()
	}
	return kindNames[t.Kind]
}

var kindNames = [...]string{
	Bool: "bool", Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64",
	Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64",
	Float32: "float32", Float64: "float64", String: "string", Bytes: "bytes", Time: "time",
	Struct: "struct", List: "list", Pointer: "pointer",
}
