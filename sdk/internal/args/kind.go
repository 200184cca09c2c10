package args

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// kind says how a type is read, written and described.
type kind struct {
	name   string // in the help text: "int"
	text   bool   // the type reads itself: its own errors say what is wrong
	parse  func(v reflect.Value, text string, again bool) error
	format func(v reflect.Value) string
	form   func(v reflect.Value) string // "a whole number from 0 to 255"
	sample func(v reflect.Value) string // an example of a value
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// errForm says that a text has not the form of its kind; the form is told by the caller.
var errForm = errors.New("wrong form")

// kindOf returns the kind of a type, and whether it can be a flag at all.
func kindOf(t reflect.Type) (kind, bool) {
	switch {
	case reflect.PointerTo(t).Implements(textType):
		return textKind, true
	case t == durationType:
		return durationKind, true
	}
	switch t.Kind() {
	case reflect.String:
		return stringKind, true
	case reflect.Bool:
		return boolKind, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intKind, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintKind, true
	case reflect.Float32, reflect.Float64:
		return floatKind, true
	case reflect.Slice:
		return listKind, t.Elem().Kind() == reflect.String
	}
	return kind{}, false
}

func always(s string) func(reflect.Value) string {
	return func(reflect.Value) string { return s }
}

var stringKind = kind{
	name:   "string",
	parse:  func(v reflect.Value, text string, _ bool) error { v.SetString(text); return nil },
	format: func(v reflect.Value) string { return v.String() },
	form:   always("a text"),
	sample: always("TEXT"),
}

var boolKind = kind{
	parse: func(v reflect.Value, text string, _ bool) error {
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	},
	format: func(v reflect.Value) string { return strconv.FormatBool(v.Bool()) },
	form:   always("true or false"),
	sample: always("true"),
}

var intKind = kind{
	name: "int",
	// Base 10 only: 010 is ten to most people.
	parse: func(v reflect.Value, text string, _ bool) error {
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err
	},
	format: func(v reflect.Value) string { return strconv.FormatInt(v.Int(), 10) },
	form: func(v reflect.Value) string {
		bits := v.Type().Bits()
		if bits == 64 {
			return "a whole number"
		}
		return fmt.Sprintf("a whole number from %d to %d", int64(-1)<<(bits-1), int64(1)<<(bits-1)-1)
	},
	sample: always("100"),
}

var uintKind = kind{
	name: "uint",
	parse: func(v reflect.Value, text string, _ bool) error {
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return err
	},
	format: func(v reflect.Value) string { return strconv.FormatUint(v.Uint(), 10) },
	form: func(v reflect.Value) string {
		if bits := v.Type().Bits(); bits < 64 {
			return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<bits-1)
		}
		return "a whole number, 0 or more"
	},
	sample: always("100"),
}

var floatKind = kind{
	name: "float",
	parse: func(v reflect.Value, text string, _ bool) error {
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		// Neither infinity nor NaN can travel as JSON.
		if err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			err = errForm
		}
		v.SetFloat(x)
		return err
	},
	format: func(v reflect.Value) string { return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()) },
	form:   always("a finite number"),
	sample: always("0.5"),
}

var durationKind = kind{
	name: "duration",
	parse: func(v reflect.Value, text string, _ bool) error {
		d, err := time.ParseDuration(text)
		v.SetInt(int64(d))
		return err
	},
	format: func(v reflect.Value) string { return time.Duration(v.Int()).String() },
	form:   always("a duration with its unit (ms, s, m, h)"),
	sample: always("1m30s"),
}

// listKind is a list of strings: parts between commas, and repeated flags add
// to it. An empty text is the empty list.
var listKind = kind{
	name: "list",
	parse: func(v reflect.Value, text string, again bool) error {
		if !again {
			v.SetZero()
		}
		if text == "" {
			return nil
		}
		for part := range strings.SplitSeq(text, ",") {
			if part == "" {
				return errForm
			}
			item := reflect.New(v.Type().Elem()).Elem()
			item.SetString(part)
			v.Set(reflect.Append(v, item))
		}
		return nil
	},
	format: func(v reflect.Value) string {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = v.Index(i).String()
		}
		return strings.Join(parts, ",")
	},
	form:   always("texts with commas between them, none empty"),
	sample: always("A,B"),
}

var textKind = kind{
	name: "value",
	text: true,
	parse: func(v reflect.Value, text string, _ bool) error {
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	},
	format: func(v reflect.Value) string {
		if m, ok := v.Addr().Interface().(encoding.TextMarshaler); ok {
			if text, err := m.MarshalText(); err == nil {
				return string(text)
			}
		}
		return fmt.Sprint(v.Interface())
	},
	form:   func(v reflect.Value) string { return "a " + strings.ToLower(v.Type().Name()) },
	sample: always("VALUE"),
}
