package column

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/fault"
)

// foreign builds a batch from JSON with Arrow's own builders.
func foreign(t *testing.T, s *arrow.Schema, json string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(json))
	if err != nil {
		t.Fatalf("RecordFromJSON = %v", err)
	}
	return rec
}

func TestScanForeignNulls(t *testing.T) {
	type sub struct {
		N int32
		S string
	}
	type row struct {
		I int64
		P *int64
		B []byte
		L []sub
		Q *sub
	}
	typ := mustPlan[row](t)
	tests := []struct {
		name, json string
		want       []row
		err        string
	}{
		{"none", `[{"I":1,"P":2,"B":"YWI=","L":[{"N":1,"S":"s"}],"Q":{"N":2,"S":"t"}}]`,
			[]row{{1, new(int64(2)), []byte("ab"), []sub{{1, "s"}}, &sub{2, "t"}}}, ""},
		{"where they fit", `[{"I":1,"P":null,"B":null,"L":null,"Q":null},{"I":2,"P":null,"B":null,"L":[],"Q":null},{"I":3,"P":4,"B":null,"L":null,"Q":null}]`,
			[]row{{I: 1}, {I: 2, L: []sub{}}, {I: 3, P: new(int64(4))}}, ""},
		{"number", `[{"I":1,"P":null,"B":null,"L":null,"Q":null},{"I":null,"P":null,"B":null,"L":null,"Q":null}]`, nil, `column "I": value 1 is null, which int64 cannot hold`},
		{"field of a struct", `[{"I":1,"P":null,"B":null,"L":null,"Q":null},{"I":1,"P":null,"B":null,"L":null,"Q":{"N":1,"S":null}}]`, nil, `column "Q.S": value 1 is null, which string cannot hold`},
		{"field in a list", `[{"I":1,"P":null,"B":null,"L":[{"N":1,"S":"x"},{"N":null,"S":"y"}],"Q":null}]`, nil, `column "L[].N": value 1 is null, which int32 cannot hold`},
		{"struct in a list", `[{"I":1,"P":null,"B":null,"L":[null],"Q":null}]`, nil, `column "L[]": value 0 is null`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rec := foreign(t, typ.Schema(), tc.json)
			got := make([]row, rec.NumRows())
			err := ScanRows(typ, rec, 0, got)
			if tc.err != "" {
				if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("ScanRows = %v, want an invalid error with %q", err, tc.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Fatalf("ScanRows = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

// TestScanSlicedBitmaps scans sections that begin within a byte of the bitmap
// and behind all nulls.
func TestScanSlicedBitmaps(t *testing.T) {
	var rows []*int64
	for i := range int64(100) {
		rows = append(rows, &i)
		if i < 50 && i%3 != 0 {
			rows[i] = nil
		}
	}
	b := mustBuild(t, rows)
	rec := b.Record()
	for from := 0; from < 100; from += 7 {
		cut := rec.NewSlice(int64(from), 100)
		got := make([]*int64, 100-from)
		if err := ScanRows(b.t, cut, 0, got); err != nil || !reflect.DeepEqual(got, rows[from:]) {
			t.Fatalf("ScanRows from %d = %v", from, err)
		}
		// The same without a pointer works where no null is left.
		plain := mustPlan[int64](t)
		err := ScanRows(plain, cut, 0, make([]int64, 100-from))
		if from < 50 && fault.KindOf(err) != fault.Invalid || from >= 50 && err != nil {
			t.Fatalf("ScanRows of nulls from %d to int64 = %v", from, err)
		}
	}
}

func TestScanZeroesLeftOutFields(t *testing.T) {
	type part struct {
		Keep int
		Left string `sheaf:"-"`
	}
	type row struct {
		A     int
		cache map[string]int `sheaf:"-"`
		Part  part
	}
	b := mustBuild(t, []row{{A: 1, cache: map[string]int{}, Part: part{1, "x"}}})
	got := []row{{A: 9, cache: map[string]int{"stale": 1}, Part: part{9, "stale"}}}
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil || !reflect.DeepEqual(got, []row{{A: 1, Part: part{Keep: 1}}}) {
		t.Errorf("ScanRows = %+v, %v, want the left out fields zero", got, err)
	}
}

func TestScanViewsTheBatch(t *testing.T) {
	type row struct {
		S string
		B []byte
	}
	b := mustBuild(t, []row{{"first", []byte("one")}, {"second", []byte("two")}, {"", []byte{}}})
	rec := b.Record()
	got := make([]row, 3)
	if err := ScanRows(b.t, rec, 0, got); err != nil {
		t.Fatal(err)
	}
	text := rec.Column(0).Data().Buffers()[2].Bytes()
	if unsafe.StringData(got[1].S) != &text[5] {
		t.Errorf("string does not view the batch")
	}
	blob := rec.Column(1).Data().Buffers()[2].Bytes()
	if &got[0].B[0] != &blob[0] {
		t.Errorf("bytes do not view the batch")
	}
	_ = append(got[0].B, 'X')
	if string(got[1].B) != "two" {
		t.Errorf("appending to a row's bytes wrote to the next row: %q", got[1].B)
	}
	if got[2].B == nil || got[2].S != "" {
		t.Errorf("empty row = %+v", got[2])
	}
}

func TestScannedListsDoNotOverlap(t *testing.T) {
	b := mustBuild(t, [][]int64{{1, 2}, {3}})
	got := make([][]int64, 2)
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil {
		t.Fatal(err)
	}
	_ = append(got[0], 9)
	if got[1][0] != 3 {
		t.Errorf("appending to a row's list wrote to the next row: %v", got[1])
	}
}

func TestScanRowsRefuses(t *testing.T) {
	b := mustBuild(t, []int64{1, 2, 3})
	rec := b.Record()
	tests := []struct {
		name string
		err  error
		kind fault.Kind
	}{
		{"another Go type", ScanRows(b.t, rec, 0, make([]uint64, 1)), fault.Internal},
		{"rows before the first", ScanRows(b.t, rec, -1, make([]int64, 1)), fault.Internal},
		{"rows behind the last", ScanRows(b.t, rec, 1, make([]int64, 3)), fault.Internal},
		{"a start behind the end", ScanRows(b.t, rec, 4, []int64{}), fault.Internal},
		{"another schema", ScanRows(mustPlan[string](t), rec, 0, make([]string, 1)), fault.Invalid},
		{"no rows", ScanRows(b.t, rec, 3, []int64{}), fault.Unknown},
	}
	for _, tc := range tests {
		if got := fault.KindOf(tc.err); got != tc.kind {
			t.Errorf("%s: ScanRows = %v of kind %v, want kind %v", tc.name, tc.err, got, tc.kind)
		}
	}
}

func TestScanAllocations(t *testing.T) {
	rows := orders(2000)
	typ, b := orderBuilder(t, rows)
	rec := b.Record()
	if n := testing.AllocsPerRun(50, func() { _ = ScanRows(typ, rec, 0, rows) }); n != 0 {
		t.Errorf("ScanRows of %d rows allocates %v times, want 0", len(rows), n)
	}
	// Another schema object of the same columns must not cost more.
	other := array.NewRecord(arrow.NewSchema(rec.Schema().Fields(), nil), rec.Columns(), rec.NumRows())
	if n := testing.AllocsPerRun(50, func() { _ = ScanRows(typ, other, 0, rows) }); n != 0 {
		t.Errorf("ScanRows with a schema of its own allocates %v times, want 0", n)
	}
	full := everythings()
	big := NewBuilder(mustPlan[everything](t))
	few := scanAllocs(t, big, full, 1)
	many := scanAllocs(t, big, full, 50)
	if many > few {
		t.Errorf("ScanRows of 50 times the rows allocates %v times, want %v: once a column", many, few)
	}
}

func scanAllocs(t *testing.T, b *Builder, rows []everything, times int) float64 {
	for range times {
		if err := AppendRows(b, rows); err != nil {
			t.Fatal(err)
		}
	}
	rec := b.Record()
	dst := make([]everything, rec.NumRows())
	return testing.AllocsPerRun(10, func() { _ = ScanRows(b.t, rec, 0, dst) })
}

func TestScanTimeOfAnyArray(t *testing.T) {
	b := array.NewTimestampBuilder(memory.DefaultAllocator, timestampType)
	b.AppendValues([]arrow.Timestamp{1, -1, zeroTime}, nil)
	typ := mustPlan[time.Time](t)
	rec := array.NewRecord(typ.Schema(), []arrow.Array{b.NewArray()}, 3)
	got := make([]time.Time, 3)
	want := []time.Time{time.Unix(0, 1).UTC(), time.Unix(0, -1).UTC(), {}}
	if err := ScanRows(typ, rec, 0, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ScanRows = %v, %v, want %v", got, err, want)
	}
}
