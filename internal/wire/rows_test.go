package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func handover() *Handover {
	return &Handover{Fingerprint: "f00d", Rows: []plan.CollectedRows{
		{Sink: 1, Blocks: [][]byte{[]byte("some"), []byte("rows")}}, {Sink: 0, Blocks: [][]byte{[]byte("others")}},
	}}
}

func TestHandover(t *testing.T) {
	for _, want := range []*Handover{handover(), {Fingerprint: "none"}} {
		var b bytes.Buffer
		if err := want.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := ReadHandover(bytes.NewReader(b.Bytes()))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("ReadHandover = %+v, %v, want %+v", got, err, want)
		}
		for n := range b.Len() {
			if got, err := ReadHandover(bytes.NewReader(b.Bytes()[:n])); fault.KindOf(err) != fault.Invalid {
				t.Errorf("the first %d bytes give %+v, %v, want an error of kind invalid", n, got, err)
			}
		}
	}
}

func FuzzHandover(f *testing.F) {
	var b bytes.Buffer
	if err := handover().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHandover(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadHandover(&b); err != nil || !cmp.Equal(again, h) {
			t.Fatalf("written again it is %+v, %v, want %+v", again, err, h)
		}
	})
}
