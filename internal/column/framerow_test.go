package column

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// checkRowFrame compares the frame and the hash of each row alone with those of
// a builder that holds nothing else.
func checkRowFrame(t *testing.T, typ *Type, rows reflect.Value) {
	t.Helper()
	alone, b := NewBuilder(typ), NewBuilder(typ)
	for i := range rows.Len() {
		row := rows.Index(i).Addr().UnsafePointer()
		key := []byte(strings.Repeat("k", i*1000))
		var keys Keys
		keys.Add(key)
		b.Reset()
		if err := b.Append(row, 0, 1); err != nil {
			t.Fatal(err)
		}
		want := b.AppendFrame(keys.AppendFrame(nil, nil), nil)
		var f RowFrame
		f.AppendKey(key)
		hash, err := alone.AppendRow(&f, row)
		if got := bytes.Join(f.Pieces(), nil); err != nil || !bytes.Equal(got, want) || f.Len() != len(want) {
			t.Fatalf("AppendRow(%v %v) = %d bytes, %v, want the %d of AppendFrame\ngot  %.200x\nwant %.200x", typ, rows.Index(i), f.Len(), err, len(want), got, want)
		}
		if wantHash := b.HashRows(nil)[0]; hash != wantHash {
			t.Errorf("hash of %v %v = %x, want that of HashRows %x", typ, rows.Index(i), hash, wantHash)
		}
	}
}

func TestRowFrameOfAnyType(t *testing.T) {
	r := rowRand(t)
	for range 300 {
		typ, err := Of(anyType(r, 3))
		if err != nil {
			continue
		}
		checkRowFrame(t, typ, anyRows(r, typ, 3))
	}
}

type longRow struct {
	ID    int32
	Text  string
	Inner struct {
		Raw  []byte
		Flag bool
		Note *string
	}
	List []string
}

func TestRowFrameViewsLongStrings(t *testing.T) {
	typ := mustPlan[longRow](t)
	var rows []longRow
	for _, n := range []int{0, 1, 255, 256, viewBytes - 1, viewBytes, 1 << 16, 1 << 20} {
		row := longRow{ID: int32(n), Text: strings.Repeat("a", n), List: []string{strings.Repeat("l", n), ""}}
		row.Inner.Raw = bytes.Repeat([]byte{'b'}, n)
		row.Inner.Note = &row.Text
		rows = append(rows, row)
	}
	rows = append(rows, longRow{})
	checkRowFrame(t, typ, reflect.ValueOf(rows))

	var f RowFrame
	last := &rows[len(rows)-2]
	if _, err := NewBuilder(typ).AppendRow(&f, unsafe.Pointer(last)); err != nil {
		t.Fatal(err)
	}
	viewed := 0
	for _, p := range f.Pieces() {
		if unsafe.SliceData(p) == unsafe.StringData(last.Text) || unsafe.SliceData(p) == unsafe.SliceData(last.Inner.Raw) {
			viewed++
		}
	}
	if viewed != 2 {
		t.Errorf("%d pieces view the row, want 2", viewed)
	}
}

func TestAppendRowNeedsAnEmptyBuilder(t *testing.T) {
	b := mustBuild(t, []int64{1})
	var f RowFrame
	var row int64
	if _, err := b.AppendRow(&f, unsafe.Pointer(&row)); err == nil {
		t.Errorf("AppendRow to a builder with rows = nil, want an error")
	}
}

func TestKeyLength(t *testing.T) {
	var keys Keys
	keys.Add([]byte("abc"))
	frame := keys.AppendFrame(nil, nil)
	for _, tt := range []struct {
		name  string
		head  []byte
		bytes int64
		want  int64
		ok    bool
	}{
		{"whole", frame, int64(len(frame)), 3, true},
		{"head only", frame[:KeyFrameHead], 100, 3, true},
		{"longer than the frame", frame, int64(len(frame)) - 1, 0, false},
		{"cut off", frame[:KeyFrameHead-1], 100, 0, false},
		{"several keys", append([]byte{1}, frame[1:]...), 100, 0, false},
	} {
		if got, err := KeyLength(tt.head, tt.bytes); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: KeyLength(%x, %d) = %d, %v, want %d and an error: %v", tt.name, tt.head, tt.bytes, got, err, tt.want, !tt.ok)
		}
	}
	view := ViewKey([]byte("key"))
	if got := fmt.Sprintf("%s %d", view.At(0), view.Len()); got != "key 1" {
		t.Errorf("ViewKey(key) = %s, want key 1", got)
	}
}
