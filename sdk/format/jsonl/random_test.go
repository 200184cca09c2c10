package jsonl

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/column"
)

var scalarTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint16](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[[]byte](), timeType,
}

// randomType returns a row type whose parts are nested up to a depth.
func randomType(rng *rand.Rand, depth int) reflect.Type {
	switch n := rng.IntN(10); {
	case depth > 0 && n < 3:
		return randomStruct(rng, depth)
	case depth > 0 && n < 5:
		return reflect.SliceOf(randomType(rng, depth-1))
	case depth > 0 && n < 7:
		elem := randomType(rng, depth-1)
		if elem.Kind() == reflect.Slice || elem.Kind() == reflect.Pointer {
			return elem
		}
		return reflect.PointerTo(elem)
	}
	return scalarTypes[rng.IntN(len(scalarTypes))]
}

func randomStruct(rng *rand.Rand, depth int) reflect.Type {
	fields := make([]reflect.StructField, 1+rng.IntN(6))
	for i := range fields {
		n := strconv.Itoa(i)
		fields[i] = reflect.StructField{Name: "F" + n, Type: randomType(rng, depth-1)}
		tags := []string{"", `json:"name` + n + `"`, `json:",omitempty"`, `json:"n` + n + `,omitzero"`, `json:"a name of some length ` + n + `"`, `json:"名` + n + `"`}
		fields[i].Tag = reflect.StructTag(tags[rng.IntN(len(tags))])
	}
	return reflect.StructOf(fields)
}

// fill gives a value a random content.
func fill(rng *rand.Rand, v reflect.Value) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(rng.Int64N(18e9)-9e9, rng.Int64N(1e9)*rng.Int64N(2)).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.String:
		v.SetString(randomText(rng))
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(int64(rng.Uint64()) >> rng.IntN(64))
	case reflect.Uint16, reflect.Uint64:
		v.SetUint(rng.Uint64() >> rng.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(randomFloat(rng, v.Type().Bits()))
	case reflect.Uint8:
		v.SetUint(uint64(rng.IntN(256)))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.Pointer:
		if rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		if n := rng.IntN(5); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range v.Len() {
				fill(rng, v.Index(i))
			}
		}
	}
}

func randomFloat(rng *rand.Rand, bits int) float64 {
	switch rng.IntN(4) {
	case 0:
		return float64(rng.IntN(1_000_000)) / 100
	case 1:
		return math.Trunc(rng.NormFloat64() * 1e6)
	}
	f := math.Float64frombits(rng.Uint64())
	if bits == 32 {
		f = float64(math.Float32frombits(rng.Uint32()))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func randomText(rng *rand.Rand) string {
	text := make([]rune, rng.IntN(30))
	ranges := []rune{128, 128, 128, 0x300, 0x3000, 0xd7ff, 0x1_0000}
	bound := ranges[rng.IntN(len(ranges))]
	for i := range text {
		if text[i] = ' ' + rng.Int32N(bound-' '); rng.IntN(40) == 0 {
			text[i] = []rune{'"', '\\', '\n', '\t', 0, 0x1f, '\u2028', 0x1f600, 0x7f}[rng.IntN(9)]
		}
	}
	return string(text)
}

// Rows of random types are written as encoding/json writes them, and read back
// as what it reads.
func TestRandomTypes(t *testing.T) {
	rng := seeded(t)
	types := 300
	if testing.Short() {
		types = 50
	}
	for range types {
		goType := randomType(rng, 4)
		if rng.IntN(4) > 0 {
			goType = randomStruct(rng, 4)
		}
		checkRandomRows(t, rng, goType)
	}
}

func checkRandomRows(t *testing.T, rng *rand.Rand, goType reflect.Type) {
	t.Helper()
	typ, err := column.Of(goType)
	if err != nil {
		t.Fatalf("Of(%v): %v", goType, err)
	}
	write, err := appenderOf(typ)
	if err != nil {
		t.Fatalf("appenderOf(%v): %v", goType, err)
	}
	parser, err := newRowParser(typ, ReadOptions{Strict: true})
	if err != nil {
		t.Fatalf("newRowParser(%v): %v", goType, err)
	}
	var lines, expected bytes.Buffer
	e := json.NewEncoder(&expected)
	e.SetEscapeHTML(false)
	rows := make([]reflect.Value, 1+rng.IntN(parser.chunk))
	for i := range rows {
		rows[i] = reflect.New(goType)
		fill(rng, rows[i].Elem())
		line, err := write(nil, rows[i].UnsafePointer())
		if err != nil {
			t.Fatalf("write a %v: %v", goType, err)
		}
		lines.Write(append(line, '\n'))
		if err := e.Encode(rows[i].Interface()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(lines.Bytes(), expected.Bytes()) {
		t.Fatalf("rows of %v are written as\n%s, want\n%s", goType, lines.Bytes(), expected.Bytes())
	}
	parser.in.data = lines.Bytes()
	for i, at := 0, 0; i < len(rows); i++ {
		end, isRow, err := parser.line(at)
		if err != nil || end == failed || !isRow {
			t.Fatalf("%v: line %q: end %d, row %v, error %v, %s", goType, lines.Bytes()[at:], end, isRow, err, parser.in.message())
		}
		want := reflect.New(goType)
		if err := json.Unmarshal(lines.Bytes()[at:end], want.Interface()); err != nil {
			t.Fatal(err)
		}
		got := reflect.NewAt(goType, parser.rows.at(i))
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Fatalf("%v: line %s gives\n%s, want\n%s", goType, lines.Bytes()[at:end], shownAsJSON(t, got.Interface()), shownAsJSON(t, want.Interface()))
		}
		at = end + 1
	}
}
