package column

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Text returns the value at p, which must be of k's type, for people: strings
// quoted, the fields of a struct in parentheses, nil as nil. It is printable, and
// cut at about limit bytes.
func (k *KeyType) Text(p unsafe.Pointer, limit int) string {
	t := keyText{limit: limit}
	if len(k.steps) == 1 {
		t.step(&k.steps[0], p)
	} else {
		t.steps(k.steps, p)
	}
	return CutText(t.String(), limit)
}

// CutText cuts a text that is longer than limit bytes, and marks the cut.
func CutText(s string, limit int) string {
	const mark = "…"
	if len(s) <= limit {
		return s
	}
	end := max(limit-len(mark), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// keyText writes values until there is enough text.
type keyText struct {
	strings.Builder
	limit int
}

func (t *keyText) full() bool { return t.Len() > t.limit }

func (t *keyText) steps(steps []keyStep, p unsafe.Pointer) {
	t.WriteByte('(')
	for i := range steps {
		if t.full() {
			return
		}
		if i > 0 {
			t.WriteString(", ")
		}
		t.step(&steps[i], p)
	}
	t.WriteByte(')')
}

func (t *keyText) step(s *keyStep, p unsafe.Pointer) {
	at := unsafe.Add(p, s.offset)
	switch s.kind {
	case String:
		t.quote(*(*string)(at))
	case Bytes:
		if b := *(*[]byte)(at); b != nil {
			t.quote(unsafe.String(unsafe.SliceData(b), len(b)))
			return
		}
		t.WriteString("nil")
	case List:
		t.list(s, at)
	case Pointer:
		if to := *(*unsafe.Pointer)(at); to != nil {
			t.inner(s.elem, to)
			return
		}
		t.WriteString("nil")
	case Time:
		t.WriteString((*time.Time)(at).UTC().Format(time.RFC3339Nano))
	default:
		t.scalar(s, at)
	}
}

// quote quotes as much of a string as there is room for.
func (t *keyText) quote(s string) {
	t.WriteString(strconv.Quote(s[:min(len(s), t.limit)]))
}

// inner writes what a list or a pointer holds.
func (t *keyText) inner(steps []keyStep, p unsafe.Pointer) {
	if len(steps) == 1 {
		t.step(&steps[0], p)
		return
	}
	t.steps(steps, p)
}

func (t *keyText) list(s *keyStep, at unsafe.Pointer) {
	list := reflect.NewAt(s.goType, at).Elem()
	if list.IsNil() {
		t.WriteString("nil")
		return
	}
	t.WriteByte('[')
	for i := range list.Len() {
		if t.full() {
			return
		}
		if i > 0 {
			t.WriteString(", ")
		}
		t.inner(s.elem, list.Index(i).Addr().UnsafePointer())
	}
	t.WriteByte(']')
}

func (t *keyText) scalar(s *keyStep, at unsafe.Pointer) {
	v := reflect.NewAt(s.goType, at).Elem()
	switch s.kind {
	case Bool:
		t.WriteString(strconv.FormatBool(v.Bool()))
	case Float32:
		t.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 32))
	case Float64:
		t.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case Uint8, Uint16, Uint32, Uint64:
		t.WriteString(strconv.FormatUint(v.Uint(), 10))
	default:
		t.WriteString(strconv.FormatInt(v.Int(), 10))
	}
}
