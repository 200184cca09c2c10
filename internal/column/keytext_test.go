package column

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"
)

type textKey struct {
	Name  string
	Count int16
	Shop  *struct{ City []byte }
}

func TestKeyText(t *testing.T) {
	name := "ada"
	tests := []struct {
		value any
		want  string
	}{
		{"alice", `"alice"`},
		{"tab\there \x1b[31m\xff", `"tab\there \x1b[31m\xff"`},
		{"", `""`},
		{[]byte("raw\x00"), `"raw\x00"`},
		{[]byte(nil), "nil"},
		{int64(-42), "-42"},
		{uint8(200), "200"},
		{true, "true"},
		{1.5, "1.5"},
		{float32(0.1), "0.1"},
		{math.NaN(), "NaN"},
		{time.Date(2024, 2, 29, 1, 2, 3, 4, time.FixedZone("x", 3600)), "2024-02-29T00:02:03.000000004Z"},
		{[]string{"a", "b"}, `["a", "b"]`},
		{[]int32(nil), "nil"},
		{[]int32{}, "[]"},
		{&name, `"ada"`},
		{(*string)(nil), "nil"},
		{textKey{"a", -1, nil}, `("a", -1, nil)`},
		{textKey{"a", 7, &struct{ City []byte }{[]byte("Rom")}}, `("a", 7, "Rom")`},
		{[]textKey{{"a", 7, nil}}, `[("a", 7, nil)]`},
		{strings.Repeat("é", 100), `"` + strings.Repeat("é", 38) + "…"},
		{make([]uint16, 1000), "[" + strings.Repeat("0, ", 25) + "0…"},
	}
	for _, tt := range tests {
		got := textOf(t, tt.value)
		if got != tt.want {
			t.Errorf("Text(%#v) = %s, want %s", tt.value, got, tt.want)
		}
		if len(got) > 80 || !utf8.ValidString(got) {
			t.Errorf("Text(%#v) = %q of %d bytes, want valid text of 80 at most", tt.value, got, len(got))
		}
	}
}

// textOf returns the text of a key of any type.
func textOf(t *testing.T, value any) string {
	t.Helper()
	typ, err := Of(reflect.TypeOf(value))
	if err != nil {
		t.Fatal(err)
	}
	key, err := KeyOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	p := reflect.New(reflect.TypeOf(value))
	p.Elem().Set(reflect.ValueOf(value))
	return key.Text(unsafe.Pointer(p.Pointer()), 80)
}
