package scalar

import (
	"math"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

type named int16

func TestAppender(t *testing.T) {
	for _, test := range []struct {
		name string
		v    any
		want string
	}{
		{"true", true, "true"},
		{"false", false, "false"},
		{"int", int(math.MinInt64), "-9223372036854775808"},
		{"int8", int8(-128), "-128"},
		{"int16 of another name", named(-32768), "-32768"},
		{"int32", int32(math.MaxInt32), "2147483647"},
		{"int64", int64(-1), "-1"},
		{"duration", time.Microsecond, "1000"},
		{"uint", uint(math.MaxUint64), "18446744073709551615"},
		{"uint8", uint8(255), "255"},
		{"uint16", uint16(65535), "65535"},
		{"uint32", uint32(0), "0"},
		{"uint64", uint64(1 << 63), "9223372036854775808"},
		{"float32", float32(0.1), "0.1"},
		{"float64", 1e300, "1e+300"},
		{"negative zero", math.Copysign(0, -1), "-0"},
		{"no number", math.NaN(), "NaN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := reflect.New(reflect.TypeOf(test.v))
			v.Elem().Set(reflect.ValueOf(test.v))
			fn, p := Appender(v.Type().Elem()), v.UnsafePointer()
			if got := string(fn([]byte("> "), p)); got != "> "+test.want {
				t.Errorf("Appender(%T) appends %q for %v, want %q", test.v, got, test.v, "> "+test.want)
			}
			buf := make([]byte, 0, 64)
			if n := testing.AllocsPerRun(10, func() { fn(buf, p) }); n != 0 {
				t.Errorf("Appender(%T) allocates %v times a value, want 0", test.v, n)
			}
		})
	}
	for _, v := range []any{"", []byte(nil), time.Time{}, new(int), struct{}{}, []int(nil), unsafe.Pointer(nil)} {
		if Appender(reflect.TypeOf(v)) != nil {
			t.Errorf("Appender(%T) is a function, want nil", v)
		}
	}
}
