package column

import (
	"reflect"
	"slices"
	"testing"
)

func TestKeysAppend(t *testing.T) {
	var a, b Keys
	var want []string
	for _, k := range []string{"", "one", "\x00", ""} {
		a.Add([]byte(k))
		want = append(want, k)
	}
	for _, k := range []string{"two", "", "three"} {
		b.Add([]byte(k))
		want = append(want, k)
	}
	a.Append(&b)
	if got := a.strings(); !slices.Equal(got, want) {
		t.Errorf("Append = %q, want %q", got, want)
	}
	if got, want := a.Size(), int64(len("one")+1+len("twothree")+4*7); got != want {
		t.Errorf("Size = %d, want %d", got, want)
	}
	a.Append(&Keys{})
	if got := a.strings(); !slices.Equal(got, want) {
		t.Errorf("Append of nothing = %q, want %q", got, want)
	}
	frame := b.AppendFrame(nil, nil)
	var view Keys
	if _, err := view.DecodeFrame(frame, b.Len()); err != nil {
		t.Fatal(err)
	}
	var c Keys
	c.Append(&view)
	if got := c.strings(); !slices.Equal(got, b.strings()) {
		t.Errorf("Append of a view = %q, want %q", got, b.strings())
	}
}

func TestKeysViews(t *testing.T) {
	var k Keys
	want := []string{"before", "", "one", "\x00", ""}
	for _, key := range want[1:] {
		k.Add([]byte(key))
	}
	if got := k.Views(want[:1:1]); !slices.Equal(got, want) {
		t.Errorf("Views = %q, want %q", got, want)
	}
	if got := (&Keys{}).Views(nil); got != nil {
		t.Errorf("Views of nothing = %q, want none", got)
	}
}

func TestKeyIsString(t *testing.T) {
	type name string
	type one struct{ Name string }
	type second struct {
		None struct{}
		Name string
	}
	tests := []struct {
		name string
		typ  reflect.Type
		want bool
	}{
		{"string", reflect.TypeFor[string](), true},
		{"named string", reflect.TypeFor[name](), true},
		{"struct of a string", reflect.TypeFor[one](), true},
		{"behind nothing", reflect.TypeFor[second](), true},
		{"bytes", reflect.TypeFor[[]byte](), false},
		{"pointer", reflect.TypeFor[*string](), false},
		{"two strings", reflect.TypeFor[struct{ A, B string }](), false},
		{"number", reflect.TypeFor[int](), false},
		{"nothing", reflect.TypeFor[struct{}](), false},
	}
	for _, test := range tests {
		typ, err := Of(test.typ)
		if err != nil {
			t.Fatal(err)
		}
		kt, err := KeyOf(typ)
		if err != nil {
			t.Fatal(err)
		}
		if got := kt.IsString(); got != test.want {
			t.Errorf("%s: IsString = %v, want %v", test.name, got, test.want)
		}
	}
}
