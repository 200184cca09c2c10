package column

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/fault"
)

type inner struct {
	Name  string
	Score *float64
	Tags  []string
	At    time.Time
	Blob  []byte
}

type myInt int16

type everything struct {
	B    bool
	I    int
	I8   int8
	I16  myInt
	I32  int32
	I64  int64
	U    uint
	U8   uint8
	U16  uint16
	U32  uint32
	U64  uint64
	F32  float32
	F64  float64
	S    string
	By   []byte
	T    time.Time
	In   inner
	PB   *bool
	PI8  *int8
	PI16 *int16
	PI32 *int32
	PI64 *int64
	PF32 *float32
	PS   *string
	PT   *time.Time
	PIn  *inner
	LB   []bool
	LI   []int64
	LS   []string
	LBy  [][]byte
	LT   []time.Time
	LIn  []inner
	LPIn []*inner
	LL   [][][]string
	LP   []*int16
	None struct{}
	PNo  *struct{}
	LNo  []struct{}
	LPNo []*struct{}
	Name string `sheaf:"renamed"`
}

func everythings() []everything {
	when := time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC)
	in := inner{Name: "in", Score: new(2.5), Tags: []string{"a", "", "b"}, At: when, Blob: []byte{0, 255}}
	full := everything{
		B: true, I: math.MinInt64, I8: -128, I16: -32768, I32: math.MinInt32, I64: math.MaxInt64,
		U: math.MaxUint64, U8: 255, U16: 65535, U32: math.MaxUint32, U64: 1 << 63,
		F32: -1.5, F64: math.Inf(-1), S: "straße \xff\x00", By: []byte("bytes"), T: when, In: in,
		PB: new(true), PI8: new(int8(-3)), PI16: new(int16(300)), PI32: new(int32(-70000)), PI64: new(int64(1 << 40)),
		PF32: new(float32(0.25)), PS: new("pointed"), PT: &when, PIn: &in,
		LB: []bool{true, false, true}, LI: []int64{-1, 1 << 60}, LS: []string{"", "x"}, LBy: [][]byte{nil, {}, {7}},
		LT: []time.Time{{}, when}, LIn: []inner{in, {}, in}, LPIn: []*inner{nil, &in}, LL: [][][]string{nil, {}, {nil, {}, {"deep"}}},
		LP: []*int16{nil, new(int16(5))}, PNo: &struct{}{}, LNo: make([]struct{}, 3), LPNo: []*struct{}{nil, {}}, Name: "n",
	}
	empty := everything{By: []byte{}, PS: new(""), LB: []bool{}, LS: []string{},
		LIn: []inner{}, LL: [][][]string{{}}, LNo: []struct{}{}, In: inner{Tags: []string{}, Blob: []byte{}}, PIn: &inner{}, PT: &time.Time{}}
	return []everything{{}, full, empty, full, {}, {}, full}
}

func mustPlan[T any](t testing.TB) *Type {
	t.Helper()
	typ, err := For[T]()
	if err != nil {
		t.Fatalf("For = %v", err)
	}
	return typ
}

func mustBuild[T any](t testing.TB, rows []T) *Builder {
	t.Helper()
	b := NewBuilder(mustPlan[T](t))
	if err := AppendRows(b, rows); err != nil {
		t.Fatalf("AppendRows = %v", err)
	}
	return b
}

// checkRoundTrip sends rows through a batch, its slices and a frame.
func checkRoundTrip[T any](t *testing.T, rows []T) {
	t.Helper()
	typ := mustPlan[T](t)
	b := mustBuild(t, rows)
	frame := b.AppendFrame(nil, nil)
	rec := b.Record()
	for from := range rows {
		for to := from; to <= len(rows); to++ {
			got := make([]T, to-from)
			if err := ScanRows(typ, rec.NewSlice(int64(from), int64(to)), 0, got); err != nil || !reflect.DeepEqual(got, rows[from:to]) {
				t.Fatalf("ScanRows of slice %d:%d = %+v, %v, want %+v", from, to, got, err, rows[from:to])
			}
		}
	}
	rec, err := DecodeFrame(typ, frame, len(rows))
	if err != nil {
		t.Fatalf("DecodeFrame = %v", err)
	}
	got := make([]T, len(rows))
	if err := ScanRows(typ, rec, 0, got); err != nil || !reflect.DeepEqual(got, rows) {
		t.Fatalf("ScanRows of a frame = %+v, %v, want %+v", got, err, rows)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Run("everything", func(t *testing.T) { checkRoundTrip(t, everythings()) })
	t.Run("string", func(t *testing.T) { checkRoundTrip(t, []string{"", "a", "\xff", strings.Repeat("long", 1000)}) })
	t.Run("int", func(t *testing.T) { checkRoundTrip(t, []int{0, -1, math.MaxInt64}) })
	t.Run("bool", func(t *testing.T) { checkRoundTrip(t, slices.Repeat([]bool{true, false, false}, 7)) })
	t.Run("time", func(t *testing.T) { checkRoundTrip(t, []time.Time{{}, time.Unix(0, 0).UTC()}) })
	t.Run("list", func(t *testing.T) { checkRoundTrip(t, [][]string{nil, {}, {"a"}}) })
	t.Run("pointer to struct", func(t *testing.T) { checkRoundTrip(t, []*inner{nil, {}, {Name: "x"}}) })
	t.Run("no fields", func(t *testing.T) { checkRoundTrip(t, make([]struct{}, 5)) })
	t.Run("no rows", func(t *testing.T) { checkRoundTrip(t, []everything{}) })
	t.Run("all zero", func(t *testing.T) { checkRoundTrip(t, make([]everything, 70)) })
}

func TestTimesComeBackInUTC(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	rows := []time.Time{time.Date(2024, 1, 1, 0, 0, 0, 5, zone), time.Now(), time.Time{}.In(zone)}
	b := mustBuild(t, rows)
	got := make([]time.Time, len(rows))
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil {
		t.Fatal(err)
	}
	for i, w := range rows {
		if w := w.UTC().Round(0); got[i] != w {
			t.Errorf("time %v = %v, want %v", rows[i], got[i], w)
		}
	}
}

func TestNaNAndNegativeZeroKeepTheirBits(t *testing.T) {
	rows := []float64{math.NaN(), math.Copysign(0, -1), math.Float64frombits(0x7ff8000000000123)}
	b := mustBuild(t, rows)
	got := make([]float64, len(rows))
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil {
		t.Fatal(err)
	}
	for i, w := range rows {
		if math.Float64bits(got[i]) != math.Float64bits(w) {
			t.Errorf("float %x = %x", math.Float64bits(w), math.Float64bits(got[i]))
		}
	}
}

func TestStride(t *testing.T) {
	rows := everythings()
	b := NewBuilder(mustPlan[everything](t))
	size := unsafe.Sizeof(rows[0])
	if err := b.Append(unsafe.Pointer(&rows[0]), 2*size, 4); err != nil {
		t.Fatal(err)
	}
	if err := b.Append(nil, size, 0); err != nil {
		t.Fatalf("Append of no rows = %v", err)
	}
	got := make([]everything, 4)
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil || !reflect.DeepEqual(got, []everything{rows[0], rows[2], rows[4], rows[6]}) {
		t.Errorf("every second row = %+v, %v", got, err)
	}
}

func TestAppendRowsOfAnotherType(t *testing.T) {
	b := NewBuilder(mustPlan[int64](t))
	if err := AppendRows(b, []uint64{1}); fault.KindOf(err) != fault.Internal {
		t.Errorf("AppendRows of uint64 to int64 = %v, want an internal error", err)
	}
}

// TestAppendError checks that a failed append, at whatever column, leaves no
// trace.
func TestAppendError(t *testing.T) {
	late := time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	edge := time.Unix(0, math.MinInt64).UTC() // its number stands for the zero time
	tests := []struct {
		name string
		path string
		bad  func(*everything)
	}{
		{"field", "T", func(e *everything) { e.T = late }},
		{"early", "T", func(e *everything) { e.T = time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"edge", "T", func(e *everything) { e.T = edge }},
		{"behind a pointer", "PT", func(e *everything) { e.PT = &late }},
		{"in a struct", "In.At", func(e *everything) { e.In.At = late }},
		{"in a struct behind a pointer", "PIn.At", func(e *everything) { e.PIn = &inner{At: late} }},
		{"in a list", "LT[]", func(e *everything) { e.LT = []time.Time{{}, late} }},
		{"in structs of a list", "LIn[].At", func(e *everything) { e.LIn = []inner{{}, {At: late}} }},
	}
	rows := everythings()
	for _, before := range []int{0, 1, 4, 7} {
		for _, tc := range tests {
			b := NewBuilder(mustPlan[everything](t))
			if err := AppendRows(b, rows[:before]); err != nil {
				t.Fatal(err)
			}
			size, frame, hashes := b.Bytes(), b.AppendFrame(nil, nil), b.HashRows(nil)
			more := everythings()
			tc.bad(&more[3])
			err := AppendRows(b, more)
			if fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), `column "`+tc.path+`"`) {
				t.Fatalf("%s: AppendRows = %v, want a user error about column %q", tc.name, err, tc.path)
			}
			if b.Rows() != before || b.Bytes() != size || !bytes.Equal(b.AppendFrame(nil, nil), frame) || !slices.Equal(b.HashRows(nil), hashes) {
				t.Fatalf("%s: after an error the builder has %d rows, %d bytes, want %d, %d", tc.name, b.Rows(), b.Bytes(), before, size)
			}
			if err := AppendRows(b, rows); err != nil {
				t.Fatal(err)
			}
			got := make([]everything, before+len(rows))
			if err := ScanRows(b.t, b.Record(), 0, got); err != nil || !reflect.DeepEqual(got[before:], rows) || !reflect.DeepEqual(got[:before], rows[:before]) {
				t.Fatalf("%s: rows after an error = %+v, %v", tc.name, got, err)
			}
		}
	}
}

func TestColumnLimit(t *testing.T) {
	text := strings.Repeat("x", 64<<20)
	blob := []byte(text)
	huge := make([]struct{}, MaxColumnBytes/2)
	tests := []struct {
		name string
		path string
		err  func() error
	}{
		{"strings", ValueColumn, func() error { return AppendRows(NewBuilder(mustPlan[string](t)), slices.Repeat([]string{text}, 17)) }},
		{"bytes", ValueColumn, func() error { return AppendRows(NewBuilder(mustPlan[[]byte](t)), slices.Repeat([][]byte{blob}, 17)) }},
		{"elements", ValueColumn, func() error {
			b := NewBuilder(mustPlan[[]struct{}](t))
			for range 2 {
				if err := AppendRows(b, [][]struct{}{huge}); err != nil {
					t.Fatal(err)
				}
			}
			return AppendRows(b, [][]struct{}{{{}}})
		}},
		{"nested strings", "value[]", func() error {
			return AppendRows(NewBuilder(mustPlan[[]string](t)), [][]string{slices.Repeat([]string{text}, 17)})
		}},
	}
	for _, tc := range tests {
		if err := tc.err(); fault.KindOf(err) != fault.Resource || !strings.Contains(err.Error(), `column "`+tc.path+`"`) {
			t.Errorf("%s: AppendRows above the limit = %v, want a resource error about column %q", tc.name, err, tc.path)
		}
	}
	full := &column{data: blob}
	if err := full.room(MaxColumnBytes - len(blob)); err != nil {
		t.Errorf("room up to the limit = %v, want nil", err)
	}
	if err := full.room(MaxColumnBytes - len(blob) + 1); fault.KindOf(err) != fault.Resource {
		t.Errorf("room above the limit = %v, want a resource error", err)
	}
}

func TestBuilderCopiesRows(t *testing.T) {
	blob := []byte("before")
	rows := []everything{{By: blob, LI: []int64{1}}}
	b := mustBuild(t, rows)
	copy(blob, "after!")
	rows[0].LI[0] = 2
	rows[0].S = "changed"
	got := make([]everything, 1)
	if err := ScanRows(b.t, b.Record(), 0, got); err != nil || string(got[0].By) != "before" || got[0].LI[0] != 1 || got[0].S != "" {
		t.Errorf("row = %+v, %v, want what it was when it was appended", got[0], err)
	}
}

func TestRecordHandsMemoryOver(t *testing.T) {
	rows := everythings()
	b := mustBuild(t, rows)
	first := b.Record()
	if n := b.Cap(); n != 0 {
		t.Errorf("Cap after Record = %d, want 0", n)
	}
	if err := AppendRows(b, make([]everything, 20)); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if b.Rows() != 0 || b.Cap() == 0 {
		t.Errorf("after Reset %d rows and capacity %d, want 0 and some", b.Rows(), b.Cap())
	}
	if err := AppendRows(b, rows[1:]); err != nil {
		t.Fatal(err)
	}
	second := b.Record()
	for i, c := range []struct {
		rec  arrow.Record
		want []everything
	}{{first, rows}, {second, rows[1:]}} {
		got := make([]everything, len(c.want))
		if err := ScanRows(b.t, c.rec, 0, got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("batch %d = %+v, %v, want %+v", i, got, err, c.want)
		}
	}
}

// TestArrowReadsBatches reads a batch with Arrow's own code.
func TestArrowReadsBatches(t *testing.T) {
	type row struct {
		S string
		L []int16
		P *inner
	}
	b := mustBuild(t, []row{{"x", []int16{1, 2}, nil}, {"", nil, &inner{Name: "y", Tags: []string{"z"}}}})
	if b.Bytes() <= 0 || b.Cap() < b.Bytes() {
		t.Errorf("Bytes = %d, Cap = %d, want more than 0, and Cap not below Bytes", b.Bytes(), b.Cap())
	}
	rec := b.Record()
	got, err := rec.MarshalJSON() // the String of a struct array panics in Arrow v15 when only the struct has a bitmap
	want := `[{"L":[1,2],"P":null,"S":"x"}
,{"L":null,"P":{"At":"1677-09-21 00:12:43.145224192","Blob":null,"Name":"y","Score":null,"Tags":["z"]},"S":""}
]`
	if err != nil || string(got) != want {
		t.Errorf("batch = %s, %v, want %s", got, err, want)
	}
	if got := rec.Column(2).(*array.Struct).NullN(); got != 1 {
		t.Errorf("NullN = %d, want 1", got)
	}
}

func TestAppendAllocations(t *testing.T) {
	rows := orders(1000)
	_, b := orderBuilder(t, rows)
	if n := testing.AllocsPerRun(50, func() {
		b.Reset()
		_ = AppendRows(b, rows)
	}); n != 0 {
		t.Errorf("AppendRows to warm memory allocates %v times, want 0", n)
	}
	var frame []byte
	sel := benchSelection(len(rows), 3)
	if n := testing.AllocsPerRun(50, func() { frame = b.AppendFrame(frame[:0], sel) }); n != 0 {
		t.Errorf("AppendFrame to warm memory allocates %v times, want 0", n)
	}
	few := testing.AllocsPerRun(50, func() { _ = AppendRows(b, rows[:10]); b.Record() })
	many := testing.AllocsPerRun(50, func() { _ = AppendRows(b, rows); b.Record() })
	if many > few+2 {
		t.Errorf("a batch of 1000 rows takes %v allocations, one of 10 rows %v: want no more a row", many, few)
	}
}
