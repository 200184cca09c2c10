package args

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/sheafdata/sheaf/internal/fault"
)

// JSON returns target, a job's arguments, as canonical JSON: equal arguments
// give equal texts. It refuses, with an error of kind fault.Invalid that names
// the field, whatever would not be the same after Set: hidden fields that hold
// something, interfaces, broken UTF-8, types that read but do not write text.
func JSON(target any) (string, error) {
	v := reflect.ValueOf(target)
	if !v.IsValid() {
		return "", fault.New(fault.Invalid, "arguments are nil: want a struct")
	}
	v = reflect.Indirect(v)
	if !v.IsValid() {
		return "", fault.New(fault.Invalid, "arguments are a nil %T: want a struct", target)
	}
	if err := portable(v, v.Type().Name()); err != nil {
		return "", err
	}
	// Behind a pointer, so that methods with pointer receivers are found.
	original := reflect.New(v.Type())
	original.Elem().Set(v)
	text, err := encode(original.Interface())
	if err != nil {
		return "", fault.New(fault.Invalid, "write arguments as JSON: %w", err)
	}
	copied := reflect.New(v.Type())
	if err := Set(copied.Interface(), text); err != nil {
		return "", fault.New(fault.Invalid, "arguments cannot be read back (a type with UnmarshalText needs MarshalText as well): %w", err)
	}
	switch again, err := encode(copied.Interface()); {
	case err != nil:
		return "", fault.New(fault.Invalid, "write arguments as JSON: %w", err)
	case again != text:
		return "", fault.New(fault.Invalid, "arguments change on their way through JSON: %s becomes %s", text, again)
	}
	return text, nil
}

func encode(x any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Set reads what JSON wrote into target, a pointer. What target held before is
// lost. An empty text is that of a job without arguments. Errors are of kind
// fault.Invalid.
func Set(target any, text string) error {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fault.New(fault.Invalid, "read arguments into a %T: want a pointer", target)
	}
	v.Elem().SetZero()
	if text == "" {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	// A field that this program does not know comes from another program.
	dec.DisallowUnknownFields()
	if err := dec.Decode(target); err != nil {
		return fault.New(fault.Invalid, "read arguments from JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "read arguments from JSON: more than one value")
	}
	return nil
}

var (
	jsonWriter = reflect.TypeFor[json.Marshaler]()
	textWriter = reflect.TypeFor[encoding.TextMarshaler]()
)

// portable walks through v and refuses what JSON would lose in silence.
func portable(v reflect.Value, path string) error {
	t := v.Type()
	if t.Implements(jsonWriter) || t.Implements(textWriter) || reflect.PointerTo(t).Implements(textWriter) || reflect.PointerTo(t).Implements(jsonWriter) {
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return fault.New(fault.Invalid, "argument %s=%q is not valid UTF-8", path, v.String())
		}
	case reflect.Interface:
		return fault.New(fault.Invalid, "argument %s is an interface: its type would be lost, use a struct or a basic type", path)
	case reflect.Pointer:
		if !v.IsNil() {
			return portable(v.Elem(), path)
		}
	case reflect.Struct:
		return portableStruct(v, path)
	case reflect.Slice, reflect.Array:
		return portableList(v, path)
	case reflect.Map:
		return portableMap(v, path)
	}
	return nil
}

func portableStruct(v reflect.Value, path string) error {
	t := v.Type()
	for i := range t.NumField() {
		f, field := t.Field(i), v.Field(i)
		embedded := f.Anonymous && f.Type.Kind() == reflect.Struct
		hidden := !f.IsExported() && !embedded || f.Tag.Get("json") == "-"
		switch {
		case hidden && field.IsZero():
			continue
		case hidden:
			return fault.New(fault.Invalid, "argument %s.%s holds a value but is hidden from JSON: export it, or leave it empty", path, f.Name)
		}
		if err := portable(field, path+"."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

func portableList(v reflect.Value, path string) error {
	// Numbers and bytes cannot be wrong, and there may be many of them.
	if k := v.Type().Elem().Kind(); k >= reflect.Bool && k <= reflect.Float64 {
		return nil
	}
	for i := range v.Len() {
		if err := portable(v.Index(i), path); err != nil {
			return err
		}
	}
	return nil
}

func portableMap(v reflect.Value, path string) error {
	for entry := v.MapRange(); entry.Next(); {
		if err := portable(entry.Key(), path); err != nil {
			return err
		}
		if err := portable(entry.Value(), path); err != nil {
			return err
		}
	}
	return nil
}
