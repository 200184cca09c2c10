package column

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestKeysFrame(t *testing.T) {
	long, longer := strings.Repeat("x", 300), strings.Repeat("y", 70000)
	tests := []struct {
		name  string
		keys  []string
		sel   []uint32
		bytes int // of the frame
	}{
		{"none", nil, nil, 5},
		{"none selected", []string{"a", "bc"}, []uint32{}, 5},
		{"one", []string{"a"}, nil, 5 + 1},
		{"constant", []string{"ab", "cd", "ef"}, nil, 5 + 6},
		{"empty", []string{"", "", ""}, nil, 5},
		{"bytes", []string{"a", "bc", ""}, nil, 5 + 3 + 3},
		{"words", []string{"a", long}, nil, 5 + 2*2 + 301},
		{"long", []string{"a", longer}, nil, 5 + 2*4 + 70001},
		{"selected", []string{"a", "bc", "def", ""}, []uint32{2, 0, 2}, 5 + 3 + 7},
		{"selected constant", []string{"a", long, "b"}, []uint32{2, 0}, 5 + 2},
		{"selected words", []string{"a", long, longer}, []uint32{1, 0, 1}, 5 + 3*2 + 601},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys := keysOf(test.keys...)
			want := []string{}
			if test.sel == nil {
				want = append(want, test.keys...)
			}
			for _, i := range test.sel {
				want = append(want, test.keys[i])
			}
			frame := keys.AppendFrame([]byte("head"), test.sel)[4:]
			if len(frame) != test.bytes {
				t.Errorf("AppendFrame(%v) makes %d bytes, want %d", test.sel, len(frame), test.bytes)
			}
			got, rest, err := DecodeKeys(append(frame, "rest"...), len(want))
			if err != nil || string(rest) != "rest" || !reflect.DeepEqual(got.strings(), want) {
				t.Errorf("DecodeKeys = %.40q, rest %q, %v, want %.40q", got.strings(), rest, err, want)
			}
		})
	}
}

func TestKeysFrameGolden(t *testing.T) {
	tests := []struct {
		name, want string
		keys       *Keys
	}{
		{"lengths", "\x01\x03\x00\x00\x00" + "\x01\x02\x00" + "abc", keysOf("a", "bc", "")},
		{"constant length", "\x00\x02\x00\x00\x00" + "abcd", keysOf("ab", "cd")},
		{"no rows", "\x00\x00\x00\x00\x00", keysOf()},
	}
	for _, test := range tests {
		if got := test.keys.AppendFrame(nil, nil); string(got) != test.want {
			t.Errorf("%s: AppendFrame(%q) = %q, want %q: older files could not be read", test.name, test.keys.strings(), got, test.want)
		}
	}
}

func TestKeysFrameRandom(t *testing.T) {
	r := keySeed(t)
	var got Keys
	for range 300 {
		keys := randomKeys(r, r.IntN(50), r.IntN(400))
		var sel []uint32
		want := []string{}
		if r.IntN(2) == 0 {
			want = append(want, keys.strings()...)
		} else {
			sel = []uint32{}
			for range r.IntN(60) * min(1, keys.Len()) {
				i := r.IntN(keys.Len())
				sel, want = append(sel, uint32(i)), append(want, string(keys.At(i)))
			}
		}
		rest, err := got.DecodeFrame(keys.AppendFrame(nil, sel), len(want))
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(got.strings(), want) {
			t.Fatalf("DecodeFrame = %q, rest %q, %v, want %q", got.strings(), rest, err, want)
		}
	}
}

func TestDecodedKeysDoNotWriteToTheFrame(t *testing.T) {
	frame := append(keysOf("ab", "c").AppendFrame(nil, nil), "rest"...)
	before := bytes.Clone(frame)
	keys, _, err := DecodeKeys(frame, 2)
	if err != nil {
		t.Fatalf("DecodeKeys(%q) = %v", frame, err)
	}
	keys.Add([]byte("more"))
	keys.Reset()
	keys.Add([]byte("again"))
	if keys, _, err = DecodeKeys(frame, 2); err != nil {
		t.Fatalf("DecodeKeys(%q) = %v", frame, err)
	}
	keys.Reset()
	keys.Add([]byte("x"))
	if !bytes.Equal(frame, before) {
		t.Errorf("the frame became %q, want %q", frame, before)
	}
}

// checkDamagedFrame decodes bytes that may be damaged: they are refused with
// kind Corrupt, or they are a frame, then with consistent keys.
func checkDamagedFrame(t *testing.T, frame []byte, rows int) {
	t.Helper()
	keys, rest, err := DecodeKeys(frame, rows)
	if err != nil {
		if fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("DecodeKeys(%x, %d) = %v of kind %v, want corrupt", frame, rows, err, fault.KindOf(err))
		}
		return
	}
	if keys.Len() != rows || len(keys.Data)+len(rest) > len(frame) {
		t.Fatalf("DecodeKeys(%x, %d) = %d keys of %d bytes and %d more", frame, rows, keys.Len(), len(keys.Data), len(rest))
	}
	again, _, err := DecodeKeys(keys.AppendFrame(nil, nil), rows)
	if err != nil || !reflect.DeepEqual(again.strings(), keys.strings()) {
		t.Fatalf("a second trip of %q = %q, %v", keys.strings(), again.strings(), err)
	}
}

func TestDecodeDamagedKeysFrame(t *testing.T) {
	samples := []*Keys{keysOf("a", "bc", ""), keysOf("ab", "cd"), keysOf("x", strings.Repeat("y", 300)), keysOf()}
	for _, keys := range samples {
		frame := keys.AppendFrame(nil, nil)
		for n := range len(frame) {
			if got, _, err := DecodeKeys(frame[:n], keys.Len()); fault.KindOf(err) != fault.Corrupt {
				t.Errorf("DecodeKeys(%x) of %d bytes out of %d = %q, %v, want kind corrupt", frame[:n], n, len(frame), got.strings(), err)
			}
		}
		for bit := range 8 * len(frame) {
			damaged := bytes.Clone(frame)
			damaged[bit/8] ^= 1 << (bit % 8)
			checkDamagedFrame(t, damaged, keys.Len())
		}
		for _, rows := range []int{-1, 1 << 40, keys.Len() + 1} {
			checkDamagedFrame(t, frame, rows)
		}
	}
}

func TestDecodeFrameDoesNotAllocate(t *testing.T) {
	frame := keysOf("a", "bc", "def").AppendFrame(nil, nil)
	var keys Keys
	got := testing.AllocsPerRun(10, func() {
		if _, err := keys.DecodeFrame(frame, 3); err != nil {
			t.Fatalf("DecodeFrame(%x) = %v", frame, err)
		}
	})
	if got != 0 {
		t.Errorf("DecodeFrame allocates %v times, want 0", got)
	}
}

func FuzzDecodeKeys(f *testing.F) {
	f.Add(keysOf("a", "bc", "").AppendFrame(nil, nil), uint16(3))
	f.Add(keysOf("ab", "cd").AppendFrame(nil, nil), uint16(2))
	f.Add(keysOf("x", strings.Repeat("y", 300)).AppendFrame(nil, nil), uint16(2))
	f.Add(keysOf("x", strings.Repeat("y", 70000)).AppendFrame(nil, nil), uint16(2))
	f.Fuzz(func(t *testing.T, frame []byte, rows uint16) { checkDamagedFrame(t, frame, int(rows)) })
}
