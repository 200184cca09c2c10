package jsonl

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"time"
	"unsafe"
)

// The interfaces of types that read and write themselves.
var (
	timeType        = reflect.TypeFor[time.Time]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	marshalerType   = reflect.TypeFor[json.Marshaler]()
	textReaderType  = reflect.TypeFor[encoding.TextUnmarshaler]()
	textWriterType  = reflect.TypeFor[encoding.TextMarshaler]()
)

// has reports whether a pointer to t has the methods of an interface. Package
// time's are known here and done faster.
func has(t, methods reflect.Type) bool {
	return t != timeType && t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(methods)
}

// hasMethods reports whether a type reads or writes itself.
func hasMethods(t reflect.Type) bool {
	return has(t, unmarshalerType) || has(t, marshalerType) || has(t, textReaderType) || has(t, textWriterType)
}

// parseByMethod returns the parseFunc of a type that reads itself, or nil.
func parseByMethod(t reflect.Type) parseFunc {
	switch {
	case has(t, unmarshalerType):
		return func(in *input, at int, p unsafe.Pointer) int {
			end := in.skip(at, 0)
			if end == failed {
				return failed
			}
			u := reflect.NewAt(t, p).Interface().(json.Unmarshaler)
			if err := u.UnmarshalJSON(in.data[at:end:end]); err != nil {
				return in.fail(at, "%s is not a %s: %v", in.shown(at, end), t.String(), err)
			}
			return end
		}
	case has(t, textReaderType):
		return func(in *input, at int, p unsafe.Pointer) int {
			if in.data[at] != '"' {
				return in.notString(at, t.String())
			}
			text, end := in.content(at)
			if end == failed {
				return failed
			}
			u := reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler)
			if err := u.UnmarshalText(text); err != nil {
				return in.fail(at, "%s is not a %s: %v", in.shown(at, end), t.String(), err)
			}
			return end
		}
	}
	return nil
}

// appendByMethod returns the appendFunc of a type that writes itself, or nil.
func appendByMethod(t reflect.Type) appendFunc {
	switch {
	case has(t, marshalerType):
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			text, err := reflect.NewAt(t, p).Interface().(json.Marshaler).MarshalJSON()
			if err != nil {
				return nil, err
			}
			// Line ends within what the method returns would end the row.
			buf := bytes.NewBuffer(dst)
			err = json.Compact(buf, text)
			return buf.Bytes(), err
		}
	case has(t, textWriterType):
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			text, err := reflect.NewAt(t, p).Interface().(encoding.TextMarshaler).MarshalText()
			return appendString(dst, string(text)), err
		}
	}
	return nil
}
