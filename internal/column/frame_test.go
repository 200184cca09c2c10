package column

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

func TestFrameExample(t *testing.T) {
	type row struct {
		ID   int64
		Name string
	}
	b := mustBuild(t, []row{{1000, "ab"}, {1003, "cd"}, {1001, "efg"}})
	want := "01" + "01" + "e803000000000000" + "000301" + "01" + "020203" + "61626364656667"
	if got := hex.EncodeToString(b.AppendFrame(nil, nil)); got != want {
		t.Errorf("AppendFrame of the example in docs/format/frame.md = %s, want %s", got, want)
	}
}

func TestFrameGolden(t *testing.T) {
	const path = "testdata/frame_v1.golden"
	rows := everythings()
	b := mustBuild(t, rows)
	frame := b.AppendFrame(nil, nil)
	want := golden.Content(t, path, frame)
	if !bytes.Equal(frame, want) {
		t.Errorf("AppendFrame differs from %s: a change of the format needs a new version\ngot  %x\nwant %x", path, frame, want)
	}
	rec, err := DecodeFrame(b.t, want, len(rows))
	if err != nil {
		t.Fatalf("DecodeFrame of %s = %v", path, err)
	}
	got := make([]everything, len(rows))
	if err := ScanRows(b.t, rec, 0, got); err != nil || !reflect.DeepEqual(got, rows) {
		t.Errorf("rows of %s = %+v, %v, want %+v", path, got, err, rows)
	}
}

func frameOf[T any](t *testing.T, sel []uint32, rows ...T) string {
	t.Helper()
	return hex.EncodeToString(mustBuild(t, rows).AppendFrame(nil, sel))
}

// TestFrameWidths pins the choices that the writer makes.
func TestFrameWidths(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("00", n) }
	rep := func(n int, v int64) []int64 {
		s := make([]int64, n)
		for i := range s {
			s[i] = v
		}
		return s
	}
	tests := []struct {
		name string
		got  string
		want string
	}{
		{"no rows", frameOf[int64](t, nil), "01" + "08"},
		{"no rows of text", frameOf[string](t, nil), "01" + "01"},
		{"none selected", frameOf(t, []uint32{}, "a", "b"), "01" + "01"},
		{"one number", frameOf[int64](t, nil, 5), "01" + "08" + "05" + zeros(7)},
		{"one value", frameOf(t, nil, rep(9, 5)...), "01" + "00" + "05" + zeros(7)},
		{"negative least", frameOf[int16](t, nil, -2, 253, -2), "01" + "01" + "feff" + "00ff00"},
		{"whole range", frameOf[int8](t, nil, -128, 127), "01" + "01" + "807f"},
		{"bytes as they are", frameOf[uint8](t, nil, 1, 2, 3), "01" + "01" + "010203"},
		{"one byte value", frameOf[uint8](t, nil, 7, 7, 7), "01" + "00" + "07"},
		{"full where no shorter", frameOf[uint16](t, nil, 1, 2), "01" + "02" + "01000200"},
		{"selected range only", frameOf(t, []uint32{1, 3, 1}, int64(math.MaxInt64), 7, math.MinInt64, 9), "01" + "01" + "07" + zeros(7) + "000200"},
		{"two bytes", frameOf(t, nil, append(rep(3, 0), 256)...), "01" + "02" + zeros(8) + zeros(6) + "0001"},
		{"bools", frameOf(t, nil, true, false, true, true, false, false, false, false, true), "01" + "00" + "0d01"},
		{"bools selected", frameOf(t, []uint32{2, 0, 1}, false, true, true), "01" + "00" + "05"},
		{"equal lengths", frameOf(t, nil, "ab", "cd", "ef", "gh", "ij"), "01" + "00" + "02000000" + hex.EncodeToString([]byte("abcdefghij"))},
		{"few equal lengths", frameOf(t, nil, "ab", "cd"), "01" + "01" + "0202" + "61626364"},
		{"nulls", frameOf(t, nil, new(uint8(3)), nil), "01" + "11" + "01" + "0300"},
		{"no null", frameOf(t, nil, new(uint8(3)), new(uint8(4))), "01" + "01" + "0304"},
		{"null not selected", frameOf(t, []uint32{0, 0}, new(uint8(3)), nil), "01" + "00" + "03"},
		{"nil and empty", frameOf(t, nil, []byte{}, nil), "01" + "11" + "01" + "0000"},
		{"list", frameOf(t, nil, []int64{5, 5}, []int64{5}), "01" + "01" + "0201" + "01" + "05" + zeros(7) + "000000"},
		{"list of nullables", frameOf(t, nil, [][]byte{{1}}), "01" + "01" + "01" + "11" + "01" + "01" + "01"},
		{"list selected", frameOf(t, []uint32{1, 0}, []string{"a", "bb"}, []string{"ccc"}), "01" + "01" + "0102" + "01" + "030102" + "6363636162" + "62"},
		{"struct", frameOf(t, nil, &line{"x", 1}, nil), "01" + "10" + "01" + "01" + "0100" + "78" + "01" + "00000000" + "0100"},
		{"no columns", frameOf(t, nil, struct{}{}), "01"},
	}
	for _, tc := range tests {
		if tc.got != tc.want {
			t.Errorf("%s: AppendFrame = %s, want %s", tc.name, tc.got, tc.want)
		}
	}
}

func TestDecodeFrameRefuses(t *testing.T) {
	ints, text, lists := mustPlan[int32](t), mustPlan[string](t), mustPlan[[]int32](t)
	tests := []struct {
		name  string
		typ   *Type
		frame string
		rows  int
		want  string
	}{
		{"nothing", ints, "", 0, "empty"},
		{"negative rows", ints, "0104", -1, "-1 rows"},
		{"too many rows", ints, "0104", math.MaxInt, "rows"},
		{"another version", ints, "0204", 0, "version 2, want 1"},
		{"no column", ints, "01", 0, "ends within"},
		{"surplus", ints, "010400", 0, "1 bytes after"},
		{"surplus without columns", mustPlan[struct{}](t), "0100", 7, "1 bytes after"},
		{"unknown bits", ints, "0144", 0, "header 0x44"},
		{"width 3", ints, "0103" + "00000000", 0, "width 3"},
		{"too wide", ints, "0108", 0, "width 8"},
		{"no least value", ints, "0101" + "000000", 0, "ends within"},
		{"too few values", ints, "0101" + "00000000" + "00", 2, "ends within"},
		{"too few raw values", ints, "0104" + "00000000", 2, "ends within"},
		{"nulls where none can be", ints, "0114" + "01" + "00000000", 1, "holds none"},
		{"float width", mustPlan[float64](t), "0104" + "00000000", 1, "width 4"},
		{"bool width", mustPlan[bool](t), "0101" + "00", 1, "width 1"},
		{"bool surplus bits", mustPlan[bool](t), "0100" + "02", 1, "bitmap of 1 bits has more"},
		{"bool too short", mustPlan[bool](t), "0100" + "02", 9, "ends within"},
		{"validity surplus bits", mustPlan[*int8](t), "0111" + "05" + "0000", 2, "bitmap of 2 bits has more"},
		{"validity too short", mustPlan[*int8](t), "0111", 2, "ends within"},
		{"struct width", mustPlan[*struct{}](t), "0101", 2, "width 1"},
		{"field of a struct", mustPlan[*line](t), "0100" + "01" + "00" + "03", 1, `field "N": width 3`},
		{"text width", text, "0108" + "0000000000000000", 1, "width 8"},
		{"lengths too short", text, "0102" + "00", 1, "ends within"},
		{"one length too short", text, "0100" + "0000", 1, "ends within"},
		{"text too short", text, "0101" + "05" + "61", 1, "ends within"},
		{"equal lengths beyond", text, "0100" + "ffffff7f" + "61", 1 << 20, "lengths add up to"},
		{"lengths beyond int32", text, "0104" + "ffffffff" + "ffffffff" + "02000000", 3, "lengths add up to"},
		{"list beyond", lists, "0104" + "00000040" + "01" + "00000000" + "00", 1, `element: frame ends within`},
		{"list of constants", lists, "0101" + "02" + "00" + "00000000", 1, "element: width 0"},
		{"list of equal text", mustPlan[[]string](t), "0101" + "02" + "00" + "00000000", 1, "element: width 0"},
		{"list without validity", mustPlan[[]*int8](t), "0101" + "02" + "01" + "0000", 1, "no validity bitmap"},
	}
	for _, tc := range tests {
		frame, err := hex.DecodeString(tc.frame)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := DecodeFrame(tc.typ, frame, tc.rows)
		if rec != nil || fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: DecodeFrame = %v, %v, want a corrupt error with %q", tc.name, rec, err, tc.want)
		}
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// decodeBound is what a frame may make its reader allocate: eight times its
// length and eight bytes a row for each of at most 64 columns outside of
// lists, and the arrays themselves.
func decodeBound(frame []byte, rows int) int64 {
	return 10*int64(len(frame)) + 64*10*int64(rows) + 256<<10
}

// tryFrame decodes damaged bytes; what it gets it reads.
func tryFrame(t *testing.T, frame []byte, rows int) {
	t.Helper()
	typ := mustPlan[everything](t)
	var rec arrow.Record
	var err error
	if n, limit := allocated(func() { rec, err = DecodeFrame(typ, frame, rows) }), decodeBound(frame, rows); n > limit {
		t.Fatalf("DecodeFrame of %d bytes for %d rows allocated %d bytes, limit %d: %x", len(frame), rows, n, limit, frame)
	}
	if err != nil {
		if fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("DecodeFrame(%x) = %v of kind %v, want corrupt", frame, err, fault.KindOf(err))
		}
		return
	}
	if err := ScanRows(typ, rec, 0, make([]everything, rows)); err != nil {
		t.Fatalf("ScanRows of a frame that was decoded = %v: %x", err, frame)
	}
}

func TestDamagedFrames(t *testing.T) {
	rows := everythings()
	frame := mustBuild(t, rows).AppendFrame(nil, nil)
	for n := range frame {
		if _, err := DecodeFrame(mustPlan[everything](t), frame[:n], len(rows)); fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("DecodeFrame of the first %d bytes = %v, want a corrupt error", n, err)
		}
	}
	for i := range frame {
		for bit := range 8 {
			damaged := bytes.Clone(frame)
			damaged[i] ^= 1 << bit
			tryFrame(t, damaged, len(rows))
		}
	}
	for n := range 40 {
		tryFrame(t, frame, n)
	}
}

// TestFrameOfManyElementsIsBounded sends the one thing that takes no space.
func TestFrameOfManyElementsIsBounded(t *testing.T) {
	b := mustBuild(t, [][]struct{}{make([]struct{}, 1<<29)})
	frame := b.AppendFrame(nil, nil)
	got := make([][]struct{}, 1)
	n := allocated(func() {
		rec, err := DecodeFrame(b.t, frame, 1)
		if err == nil {
			err = ScanRows(b.t, rec, 0, got)
		}
		if err != nil || len(got[0]) != 1<<29 {
			t.Errorf("list of %d = %d elements, %v", 1<<29, len(got[0]), err)
		}
	})
	if n > 1<<16 {
		t.Errorf("decoding and scanning %d empty structs allocated %d bytes, want next to nothing", 1<<29, n)
	}
}

func TestDecodedRowsViewTheFrame(t *testing.T) {
	b := mustBuild(t, []string{"first", "second"})
	frame := b.AppendFrame(nil, nil)
	rec, err := DecodeFrame(b.t, frame, 2)
	if err != nil {
		t.Fatal(err)
	}
	if text := rec.Column(0).Data().Buffers()[2].Bytes(); &text[0] != &frame[len(frame)-11] {
		t.Errorf("strings of a frame are copied, want a view")
	}
}

func FuzzDecodeFrame(f *testing.F) {
	typ, err := For[everything]()
	if err != nil {
		f.Fatal(err)
	}
	for _, rows := range [][]everything{nil, everythings(), everythings()[1:2], make([]everything, 20)} {
		b := NewBuilder(typ)
		if err := AppendRows(b, rows); err != nil {
			f.Fatal(err)
		}
		f.Add(b.AppendFrame(nil, nil), uint16(len(rows)))
	}
	f.Fuzz(func(t *testing.T, frame []byte, rows uint16) { tryFrame(t, frame, int(rows%512)) })
}

// FuzzFrameRows sends rows made of the fuzzer's bytes through frames.
func FuzzFrameRows(f *testing.F) {
	type row struct {
		N int64
		S string
		B []byte
		L [][]byte
		T time.Time
		P *uint16
	}
	f.Add([]byte("some bytes, cut at commas, into rows"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		var rows []row
		for i, part := range bytes.Split(data, []byte(",")) {
			r := row{N: int64(len(part)) << (step % 60), S: string(part), B: part, L: bytes.Fields(part)}
			if i%2 == 0 {
				r.P, r.T = new(uint16(i)), time.Unix(0, int64(i)*int64(step)).UTC()
			}
			rows = append(rows, r)
		}
		sel := []uint32{}
		var want []row
		for i := 0; i < len(rows); i += 1 + int(step) {
			sel, want = append(sel, uint32(i)), append(want, rows[i])
		}
		b := mustBuild(t, rows)
		rec, err := DecodeFrame(b.t, b.AppendFrame(nil, sel), len(sel))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]row, len(sel))
		if err := ScanRows(b.t, rec, 0, got); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			for j := range want[i].L { // Fields and Split give slices with capacity
				want[i].L[j] = bytes.Clone(want[i].L[j])
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("rows = %+v, want %+v", got, want)
		}
	})
}
