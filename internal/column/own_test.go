package column

import (
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

func ptr[T any](v *T) unsafe.Pointer { return unsafe.Pointer(v) }

// sharesMemory reports whether a string lies in a buffer.
func sharesMemory(s string, buf []byte) bool {
	return within(ptr(unsafe.StringData(s)), len(s), ptr(unsafe.SliceData(buf)), cap(buf))
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func TestOwnString(t *testing.T) {
	typ := mustPlan[string](t)
	input := []byte("an input buffer")
	s := view(input[3:8])
	if n := typ.Own(ptr(&s), nil); n != 5 || s != "input" || sharesMemory(s, input) {
		t.Errorf("Own of a view = %d bytes, %q, shares memory: %v; want 5 bytes and a copy", n, s, sharesMemory(s, input))
	}
	before := s
	for _, now := range []string{s, s[1:], s[:2], s[2:4]} {
		data := unsafe.StringData(now)
		if n := typ.Own(ptr(&now), ptr(&before)); n != 0 || unsafe.StringData(now) != data {
			t.Errorf("Own of a part of what is owned copied %d bytes, want 0", n)
		}
	}
	s = view(input[:2])
	if n := typ.Own(ptr(&s), ptr(&before)); n != 2 || sharesMemory(s, input) {
		t.Errorf("Own of a new view = %d bytes, want 2 and a copy", n)
	}
	s = view(input[:2])[2:]
	if typ.Own(ptr(&s), nil); s != "" || unsafe.StringData(s) != nil {
		t.Errorf("Own of an empty view keeps a pointer to the buffer")
	}
}

func TestOwnBytes(t *testing.T) {
	typ := mustPlan[[]byte](t)
	state := []byte(nil)
	typ.Own(ptr(&state), nil)
	if state != nil {
		t.Errorf("Own of nil = %v, want nil", state)
	}
	var copied int64
	for i := range 1000 { // append as a reducer does, one byte of input at a time
		before := state
		state = append(state, byte(i))
		copied += typ.Own(ptr(&state), ptr(&before))
	}
	if copied > 4000 {
		t.Errorf("Own copied %d bytes while 1000 were appended, want a small multiple", copied)
	}
	before := state
	input := []byte("input buffer")
	state = input[:5]
	if n := typ.Own(ptr(&state), ptr(&before)); n != 5 || &state[0] == &input[0] || string(state) != "input" || cap(state) > 10 {
		t.Errorf("Own of a view = %d bytes, %q with capacity %d, want 5 bytes, a copy, 10 at most", n, state, cap(state))
	}
	empty := input[:0]
	if typ.Own(ptr(&empty), nil); empty == nil || cap(empty) != 0 {
		t.Errorf("Own of an empty slice = %v with capacity %d, want empty without capacity", empty, cap(empty))
	}
}

func TestOwnList(t *testing.T) {
	typ := mustPlan[[]line](t)
	input := []byte("abcdefgh")
	scanned := []line{{view(input[:2]), 1}, {view(input[2:4]), 2}}
	state := scanned[:1:1]
	size := int64(unsafe.Sizeof(line{}))
	if n := typ.Own(ptr(&state), nil); n != size+2 || &state[0] == &scanned[0] || sharesMemory(state[0].SKU, input) {
		t.Errorf("Own of a scanned list = %d bytes, want %d and a copy of list and string", n, size+2)
	}

	state = append(make([]line, 0, 4), state...)
	typ.Own(ptr(&state), nil)
	before := state
	state = append(state, scanned[1]) // fits: the array stays
	first := unsafe.StringData(state[0].SKU)
	if n := typ.Own(ptr(&state), ptr(&before)); unsafe.StringData(state[0].SKU) != first || sharesMemory(state[1].SKU, input) {
		t.Errorf("Own of an appended element = %d bytes, want the first string kept and the second copied", n)
	}

	before = state
	state = append(state[:len(state):len(state)], line{view(input[4:5]), 3}) // moves: a new array
	if typ.Own(ptr(&state), ptr(&before)); unsafe.StringData(state[0].SKU) != first || sharesMemory(state[2].SKU, input) {
		t.Errorf("Own after append moved the list copied strings that were owned, or left one that was not")
	}
	if want := []line{{"ab", 1}, {"cd", 2}, {"e", 3}}; !reflect.DeepEqual(state, want) {
		t.Errorf("owned list = %v, want %v", state, want)
	}
}

func TestOwnAppendsAreLinear(t *testing.T) {
	typ := mustPlan[[]string](t)
	var state []string
	var copied int64
	for range 1000 {
		before := state
		state = append(state, "x")
		copied += typ.Own(ptr(&state), ptr(&before))
	}
	if copied > 1000*16*4 {
		t.Errorf("Own copied %d bytes while 1000 strings were appended, want a small multiple of %d", copied, 1000*16)
	}
}

func TestOwnNested(t *testing.T) {
	typ := mustPlan[everything](t)
	input := []byte(strings.Repeat("input", 10))
	s := view(input)
	row := everything{
		S: s[:1], By: input[:2:2], In: inner{Name: s[:3], Tags: []string{s[:4]}, Blob: input[:5]},
		PS: new(s[:6]), PIn: &inner{Name: s[:7]}, LPIn: []*inner{nil, {Tags: []string{s[:8]}}}, LL: [][][]string{{{s[:9]}}},
	}
	want := row.LPIn[1].Tags[0]
	n := typ.Own(ptr(&row), nil)
	for i, owned := range []string{row.S, view(row.By), row.In.Name, row.In.Tags[0], view(row.In.Blob), *row.PS, row.PIn.Name, row.LPIn[1].Tags[0], row.LL[0][0][0]} {
		if sharesMemory(owned, input) || owned != view(input)[:i+1] {
			t.Errorf("place %d = %q, shares memory: %v", i+1, owned, sharesMemory(owned, input))
		}
	}
	if n < 45 {
		t.Errorf("Own copied %d bytes, want 45 at least", n)
	}
	if got := row.LPIn[1].Tags[0]; got != want {
		t.Errorf("tag = %q, want %q", got, want)
	}
}

func TestOwnPointer(t *testing.T) {
	typ := mustPlan[*inner](t)
	input := []byte("input")
	scanned := make([]inner, 100)
	scanned[5].Name = view(input)
	state := &scanned[5]
	if typ.Own(ptr(&state), nil); state == &scanned[5] || sharesMemory(state.Name, input) || state.Name != "input" {
		t.Errorf("Own of a pointer to a scanned row = %+v, want a copy", state)
	}
	before := state
	if n := typ.Own(ptr(&state), ptr(&before)); n != 0 || state != before {
		t.Errorf("Own of the same pointer copied %d bytes, want 0", n)
	}
	next := *state
	state = &next
	if n := typ.Own(ptr(&state), ptr(&before)); n != int64(unsafe.Sizeof(inner{})) {
		t.Errorf("Own of a new pointer to the same strings copied %d bytes, want the struct only", n)
	}
}

func TestSize(t *testing.T) {
	word := int64(unsafe.Sizeof(uintptr(0)))
	tests := []struct {
		name      string
		got, want int64
	}{
		{"number", sizeOf(t, int32(1)), 4},
		{"string", sizeOf(t, "four"), 2*word + 4},
		{"bytes", sizeOf(t, make([]byte, 3, 10)), 3*word + 10},
		{"numbers", sizeOf(t, make([]int64, 3, 10)), 3*word + 80},
		{"strings", sizeOf(t, []string{"a", "bc"}), 3*word + 2*2*word + 3},
		{"nil pointer", sizeOf[*inner](t, nil), word},
		{"pointer", sizeOf(t, new("abc")), word + 2*word + 3},
		{"struct", sizeOf(t, line{"sku", 1}), int64(unsafe.Sizeof(line{})) + 3},
		{"nested", sizeOf(t, basket{Lines: []line{{"sku", 1}}, Note: new("n")}), int64(unsafe.Sizeof(basket{})+unsafe.Sizeof(line{})) + 3 + 2*word + 1},
	}
	for _, tc := range tests {
		if tc.got != tc.want {
			t.Errorf("Size of %s = %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}

func sizeOf[T any](t *testing.T, v T) int64 {
	t.Helper()
	typ, twice := mustPlan[T](t), [2]T{v, v}
	size := typ.Size(ptr(&v))
	if got := typ.SizeRows(ptr(&twice), unsafe.Sizeof(v), 2); got != 2*size {
		t.Errorf("SizeRows of %v twice = %d, want %d", v, got, 2*size)
	}
	return size
}
