package column

import (
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
