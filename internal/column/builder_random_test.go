package column

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
)

var rowSeed = flag.Uint64("rowseed", 0, "seed of random tests; 0 takes one from the clock")

// rowRand returns a random source and prints its seed.
func rowRand(t testing.TB) *rand.Rand {
	seed := *rowSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (repeat with -rowseed)", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

var scalarGoTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](),
	reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](),
	reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](),
	reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
}

// anyType returns a Go type that can be a row, nested depth times at most.
func anyType(r *rand.Rand, depth int) reflect.Type {
	if depth == 0 || r.IntN(3) == 0 {
		return scalarGoTypes[r.IntN(len(scalarGoTypes))]
	}
	switch r.IntN(4) {
	case 0:
		elem := anyType(r, depth-1)
		if elem.Kind() == reflect.Uint8 {
			elem = reflect.TypeFor[uint16]() // a slice of uint8 is []byte
		}
		return reflect.SliceOf(elem)
	case 1:
		elem := anyType(r, depth-1)
		if elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice {
			return elem
		}
		return reflect.PointerTo(elem)
	}
	return anyStruct(r, depth)
}

func anyStruct(r *rand.Rand, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range r.IntN(6) {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: anyType(r, depth-1)})
	}
	return reflect.StructOf(fields)
}

// anyRows returns a slice of n random values of t.Go.
func anyRows(r *rand.Rand, t *Type, n int) reflect.Value {
	rows := reflect.MakeSlice(reflect.SliceOf(t.Go), n, n)
	nilShare := []float64{0, 0.1, 0.9, 1}[r.IntN(4)]
	for i := range n {
		anyValue(r, t, rows.Index(i), nilShare)
	}
	return rows
}

func anyValue(r *rand.Rand, t *Type, v reflect.Value, nils float64) {
	if t.nullable() && r.Float64() < nils {
		v.SetZero()
		return
	}
	switch t.Kind {
	case Bool:
		v.SetBool(r.IntN(2) == 0)
	case Int8, Int16, Int32, Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case Uint8, Uint16, Uint32, Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case Float32, Float64:
		v.SetFloat(float64(float32(r.NormFloat64())))
	case String:
		v.SetString(string(anyBytes(r)))
	case Bytes:
		v.SetBytes(anyBytes(r))
	case Time:
		v.Set(reflect.ValueOf(anyTime(r)))
	case Struct:
		for i := range t.Fields {
			anyValue(r, t.Fields[i].Type, v.Field(i), nils)
		}
	case List:
		n := r.IntN(4)
		v.Set(reflect.MakeSlice(t.Go, n, n))
		for i := range n {
			anyValue(r, t.Elem, v.Index(i), nils)
		}
	case Pointer:
		v.Set(reflect.New(t.Elem.Go))
		if k := t.Elem.Kind; k == Bytes || k == List {
			nils = 0 // a pointer to a nil slice comes back as a nil pointer
		}
		anyValue(r, t.Elem, v.Elem(), nils)
	}
}

func anyBytes(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(1<<r.IntN(9)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func anyTime(r *rand.Rand) time.Time {
	switch r.IntN(8) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(0, math.MaxInt64).UTC()
	case 2:
		return time.Unix(0, math.MinInt64+1).UTC()
	}
	return time.Unix(0, int64(r.Uint64()>>1)).UTC()
}

// anyPlan returns the plan of a random type.
func anyPlan(t testing.TB, r *rand.Rand) *Type {
	goType := anyType(r, 3)
	if r.IntN(2) == 0 {
		goType = anyStruct(r, 3)
	}
	typ, err := Of(goType)
	if err != nil {
		t.Fatalf("Of(%v) = %v", goType, err)
	}
	return typ
}

// appendRowsOf is AppendRows for rows whose type is known at run time only.
func appendRowsOf(t testing.TB, b *Builder, rows reflect.Value) {
	t.Helper()
	if err := b.Append(rows.UnsafePointer(), rows.Type().Elem().Size(), rows.Len()); err != nil {
		t.Fatalf("Append of %d rows of %v = %v", rows.Len(), b.t, err)
	}
}

// scanRowsOf is ScanRows for rows whose type is known at run time only. What
// it overwrites is not zero, as in a slice that is used again.
func scanRowsOf(t testing.TB, r *rand.Rand, typ *Type, rec arrow.Record, from, n int) reflect.Value {
	t.Helper()
	if err := CheckSchema(typ, rec.Schema()); err != nil {
		t.Fatalf("CheckSchema(%v) = %v", typ, err)
	}
	dst := anyRows(r, typ, n)
	if n == 0 {
		return dst
	}
	if err := scanBatch(typ, rec, from, n, target{dst.UnsafePointer(), typ.Go.Size()}); err != nil {
		t.Fatalf("scan of %v = %v", typ, err)
	}
	return dst
}

func wantRows(t testing.TB, what string, typ *Type, got, want reflect.Value) {
	t.Helper()
	for i := range want.Len() {
		g, w := got.Index(i).Interface(), want.Index(i).Interface()
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("%s of %v: row %d = %#v, want %#v", what, typ, i, g, w)
		}
	}
}

// TestRandomTypes sends random rows of random types every way there is: as a
// batch, as sections of it, and as frames of all and of some rows.
func TestRandomTypes(t *testing.T) {
	r := rowRand(t)
	for range 300 {
		typ := anyPlan(t, r)
		b := NewBuilder(typ)
		rows := reflect.MakeSlice(reflect.SliceOf(typ.Go), 0, 0)
		for range 1 + r.IntN(3) {
			part := anyRows(r, typ, r.IntN(40))
			appendRowsOf(t, b, part)
			rows = reflect.AppendSlice(rows, part)
		}
		n := rows.Len()
		if b.Rows() != n {
			t.Fatalf("Rows of %v = %d, want %d", typ, b.Rows(), n)
		}
		checkFrames(t, r, b, rows)
		before := b.Bytes()
		rec := b.Record()
		if b.Rows() != 0 || b.Bytes() != 0 || int(rec.NumRows()) != n {
			t.Fatalf("after Record of %v: builder has %d rows and %d bytes (before: %d), batch %d rows", typ, b.Rows(), b.Bytes(), before, rec.NumRows())
		}
		checkSections(t, r, typ, rec, rows)
		if err := CheckSchema(typ, arrow.NewSchema(typ.Schema().Fields(), nil)); err != nil {
			t.Fatalf("CheckSchema of %v's own schema = %v", typ, err)
		}
	}
}

func checkSections(t *testing.T, r *rand.Rand, typ *Type, rec arrow.Record, rows reflect.Value) {
	t.Helper()
	n := rows.Len()
	wantRows(t, "scan", typ, scanRowsOf(t, r, typ, rec, 0, n), rows)
	from := r.IntN(n + 1)
	to := from + r.IntN(n-from+1)
	wantRows(t, "scan from the middle", typ, scanRowsOf(t, r, typ, rec, from, to-from), rows.Slice(from, to))
	cut := rec.NewSlice(int64(from), int64(to))
	wantRows(t, "scan of a slice", typ, scanRowsOf(t, r, typ, cut, 0, to-from), rows.Slice(from, to))
	in := r.IntN(to - from + 1)
	again := cut.NewSlice(int64(in), int64(to-from))
	wantRows(t, "scan of a slice of a slice", typ, scanRowsOf(t, r, typ, again, 0, to-from-in), rows.Slice(from+in, to))
}

func checkFrames(t *testing.T, r *rand.Rand, b *Builder, rows reflect.Value) {
	t.Helper()
	n := rows.Len()
	prefix := make([]byte, r.IntN(9)) // so that the alignment varies
	frame := b.AppendFrame(prefix, nil)[len(prefix):]
	rec, err := DecodeFrame(b.t, frame, n)
	if err != nil {
		t.Fatalf("DecodeFrame of %v = %v", b.t, err)
	}
	wantRows(t, "frame of all rows", b.t, scanRowsOf(t, r, b.t, rec, 0, n), rows)

	sel := []uint32{}
	picked := reflect.MakeSlice(rows.Type(), 0, n)
	for range r.IntN(2*n + 1) {
		i := r.IntN(n)
		sel = append(sel, uint32(i))
		picked = reflect.Append(picked, rows.Index(i))
	}
	frame = b.AppendFrame(nil, sel)
	if rec, err = DecodeFrame(b.t, frame, len(sel)); err != nil {
		t.Fatalf("DecodeFrame of %d selected rows of %v = %v", len(sel), b.t, err)
	}
	wantRows(t, "frame of selected rows", b.t, scanRowsOf(t, r, b.t, rec, 0, len(sel)), picked)
}

// TestRandomHashes hashes rows alone, together and among others.
func TestRandomHashes(t *testing.T) {
	r := rowRand(t)
	for range 100 {
		typ := anyPlan(t, r)
		rows := anyRows(r, typ, 1+r.IntN(20))
		all := NewBuilder(typ)
		appendRowsOf(t, all, anyRows(r, typ, r.IntN(5)))
		skip := all.Rows()
		appendRowsOf(t, all, rows)
		together := all.HashRows(nil)[skip:]
		for i := range rows.Len() {
			one := NewBuilder(typ)
			appendRowsOf(t, one, rows.Slice(i, i+1))
			if got := one.HashRows([]uint64{7}); got[0] != 7 || got[1] != together[i] {
				t.Fatalf("HashRows of %v alone = %x, among others %x", typ, got, together[i])
			}
		}
	}
}

// TestRandomOwn checks that owned values are equal and share no memory with
// what they were.
func TestRandomOwn(t *testing.T) {
	r := rowRand(t)
	for range 200 {
		typ := anyPlan(t, r)
		rows := anyRows(r, typ, 1)
		p := rows.Index(0).Addr().UnsafePointer()
		shallow := reflect.New(typ.Go)
		shallow.Elem().Set(rows.Index(0))
		typ.Own(p, nil)
		wantRows(t, "Own", typ, rows, reflect.Append(reflect.MakeSlice(rows.Type(), 0, 1), shallow.Elem()))
		kept := reflect.New(typ.Go)
		kept.Elem().Set(rows.Index(0))
		if n := typ.Own(p, kept.UnsafePointer()); n != 0 {
			t.Fatalf("Own of %v again copied %d bytes, want 0: %#v", typ, n, rows.Index(0).Interface())
		}
		if got, least := typ.Size(p), int64(typ.Go.Size()); got < least {
			t.Fatalf("Size of %v = %d, want %d at least", typ, got, least)
		}
	}
}
