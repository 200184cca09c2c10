package column

import (
	"bytes"
	"reflect"
	"testing"
	"unsafe"
)

// TestAppendView compares batches of single rows with those of Append, with
// memory that holds the row's strings, and with none.
func TestAppendView(t *testing.T) {
	typ := mustPlan[longRow](t)
	window := bytes.Repeat([]byte("window "), 4<<10)
	text := unsafe.String(&window[3], 2*viewBytes)
	long := longRow{ID: 3, Text: text, List: []string{text, ""}}
	long.Inner.Raw = window[5 : 5+viewBytes]
	long.Inner.Note = &text
	short := longRow{ID: 4, Text: text[:viewBytes-1]}
	for _, tt := range []struct {
		name   string
		row    longRow
		memory []byte
		viewed bool
	}{
		{"long", long, window, true},
		{"long, elsewhere", long, make([]byte, 9), false},
		{"long, partly within", long, window[:viewBytes], false},
		{"short", short, window, false},
		{"nothing", longRow{}, window, false},
	} {
		b := NewBuilder(typ)
		for range 2 { // the second time in a builder that has been used
			viewed, err := b.AppendView(unsafe.Pointer(&tt.row), tt.memory)
			if viewed != tt.viewed || err != nil {
				t.Errorf("%s: AppendView = %v, %v, want %v", tt.name, viewed, err, tt.viewed)
			}
			// A row more must not be written behind the view.
			before := bytes.Clone(window)
			if err := b.Append(unsafe.Pointer(&short), 0, 1); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(window, before) {
				t.Fatalf("%s: the next row is written to the memory that is viewed", tt.name)
			}
			got := make([]longRow, 2)
			if err := ScanRows(typ, b.Record(), 0, got); err != nil || !reflect.DeepEqual(got[0].Text, tt.row.Text) ||
				!bytes.Equal(got[0].Inner.Raw, tt.row.Inner.Raw) || got[0].ID != tt.row.ID || len(got[0].List) != len(tt.row.List) || got[1].Text != short.Text {
				t.Errorf("%s: rows %.100v, %v, want those appended", tt.name, got, err)
			}
		}
	}
}
