package column

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
)

// keySeed returns a random source and prints its seed if the test fails.
func keySeed(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

type keyInner struct {
	S string
	N *int16
}

type keyName string

type keyOuter struct {
	Skip  chan int `sheaf:"-"`
	Name  keyName
	Inner keyInner
	List  []keyInner
	Raw   []byte
	At    time.Time
	Part  *keyInner
	Tags  []string
}

// keyTypes has every kind, alone, at the end of a key and inside of one.
var keyTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](),
	reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[string](), reflect.TypeFor[keyName](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[*int64](), reflect.TypeFor[*string](),
	reflect.TypeFor[[]uint16](), reflect.TypeFor[[]string](), reflect.TypeFor[[][]byte](), reflect.TypeFor[[][]bool](), reflect.TypeFor[[]*string](),
	reflect.TypeFor[struct{}](), reflect.TypeFor[[]struct{}](),
	reflect.TypeFor[struct {
		A string
		B int32
	}](),
	reflect.TypeFor[struct {
		A float64
		B string
	}](),
	reflect.TypeFor[struct {
		A []byte
		B []byte
	}](),
	reflect.TypeFor[struct {
		A []string
		B *float32
		C struct{}
	}](),
	reflect.TypeFor[keyInner](), reflect.TypeFor[keyOuter](), reflect.TypeFor[[]keyOuter](),
}

func keyTypeOf(t testing.TB, typ reflect.Type) *KeyType {
	t.Helper()
	planned, err := Of(typ)
	if err != nil {
		t.Fatalf("Of(%v) = %v", typ, err)
	}
	k, err := KeyOf(planned)
	if err != nil {
		t.Fatalf("KeyOf(%v) = %v", typ, err)
	}
	return k
}

var (
	keyInts   = []int64{0, 1, -1, 127, -128, 128, 255, 256, -256, 1<<31 - 1, -1 << 31, 1 << 32, math.MaxInt64, math.MinInt64}
	keyFloats = []float64{0, math.Copysign(0, -1), 1, -1, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0xFFF8000000000007)}
	keyTimes  = []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 999999999), time.Unix(1<<40, 1), time.Date(-5, 1, 1, 0, 0, 0, 7, time.UTC), time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64-keyYearOne, 999999999)}
)

// randomKeyValue fills v with a random value, favouring edges and collisions.
func randomKeyValue(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(keyInts[r.IntN(len(keyInts))])
		if r.IntN(3) == 0 {
			v.SetInt(int64(r.Uint64()))
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(keyInts[r.IntN(len(keyInts))]))
		if r.IntN(3) == 0 {
			v.SetUint(r.Uint64())
		}
	case reflect.Float32, reflect.Float64:
		v.SetFloat(keyFloats[r.IntN(len(keyFloats))])
		if r.IntN(3) == 0 {
			v.SetFloat(r.NormFloat64())
		}
	case reflect.String:
		v.SetString(string(randomKeyText(r)))
	case reflect.Pointer:
		v.SetZero()
		if r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomKeyValue(r, v.Elem())
		}
	case reflect.Slice:
		randomKeySlice(r, v)
	case reflect.Struct:
		if v.Type() == timeType {
			v.Set(reflect.ValueOf(keyTimes[r.IntN(len(keyTimes))].UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).Kind() != reflect.Chan {
				randomKeyValue(r, v.Field(i))
			}
		}
	}
}

func randomKeySlice(r *rand.Rand, v reflect.Value) {
	switch {
	case r.IntN(5) == 0:
		v.SetZero()
	case v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(randomKeyText(r))
	default:
		n := r.IntN(4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			randomKeyValue(r, v.Index(i))
		}
	}
}

func randomKeyText(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(5))
	for i := range b {
		b[i] = "\x00\x01\x02a\xFE\xFF"[r.IntN(6)]
	}
	return b
}

// compareKeyValues is the order that keys promise, written down naively.
func compareKeyValues(a, b reflect.Value) int {
	switch a.Kind() {
	case reflect.Bool:
		return cmp.Compare(boolKey(a.Bool()), boolKey(b.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cmp.Compare(a.Int(), b.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return cmp.Compare(a.Uint(), b.Uint())
	case reflect.Float32, reflect.Float64:
		if x, y := a.Float(), b.Float(); x != x || y != y { // NaN last
			return cmp.Compare(boolKey(x != x), boolKey(y != y))
		}
		return cmp.Compare(a.Float(), b.Float())
	case reflect.String:
		return cmp.Compare(a.String(), b.String())
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return cmp.Compare(boolKey(!a.IsNil()), boolKey(!b.IsNil()))
		}
		return compareKeyValues(a.Elem(), b.Elem())
	case reflect.Slice:
		return compareKeySlices(a, b)
	case reflect.Struct:
		if a.Type() == timeType {
			return a.Interface().(time.Time).Compare(b.Interface().(time.Time))
		}
		for i := range a.NumField() {
			if c := compareKeyValues(a.Field(i), b.Field(i)); c != 0 {
				return c
			}
		}
	}
	return 0
}

func compareKeySlices(a, b reflect.Value) int {
	if a.IsNil() || b.IsNil() {
		return cmp.Compare(boolKey(!a.IsNil()), boolKey(!b.IsNil()))
	}
	for i := range min(a.Len(), b.Len()) {
		if c := compareKeyValues(a.Index(i), b.Index(i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Len(), b.Len())
}

func boolKey(b bool) int {
	if b {
		return 1
	}
	return 0
}

func keyPointer(v reflect.Value) unsafe.Pointer { return v.Addr().UnsafePointer() }

func TestKeyOrder(t *testing.T) {
	for _, typ := range keyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			r, k := keySeed(t), keyTypeOf(t, typ)
			a, b := reflect.New(typ).Elem(), reflect.New(typ).Elem()
			for range 2000 {
				randomKeyValue(r, a)
				randomKeyValue(r, b)
				want := compareKeyValues(a, b)
				pa, pb := keyPointer(a), keyPointer(b)
				if got := bytes.Compare(k.Append(nil, pa), k.Append(nil, pb)); got != want {
					t.Fatalf("order of keys %x, %x of %+v, %+v = %d, want %d", k.Append(nil, pa), k.Append(nil, pb), a, b, got, want)
				}
				if got := bytes.Compare(k.AppendPart(nil, pa, false), k.AppendPart(nil, pb, false)); got != want {
					t.Fatalf("order of parts of %+v, %+v = %d, want %d", a, b, got, want)
				}
				if got := bytes.Compare(k.AppendPart(nil, pa, true), k.AppendPart(nil, pb, true)); got != -want {
					t.Fatalf("order of descending parts of %+v, %+v = %d, want %d", a, b, got, -want)
				}
			}
		})
	}
}

func TestComposedKeyOrder(t *testing.T) {
	r := keySeed(t)
	for range 20000 {
		first, last := keyTypes[r.IntN(len(keyTypes))], keyTypes[r.IntN(len(keyTypes))]
		kf, kl, descending := keyTypeOf(t, first), keyTypeOf(t, last), r.IntN(2) == 1
		a1, b1 := reflect.New(first).Elem(), reflect.New(first).Elem()
		a2, b2 := reflect.New(last).Elem(), reflect.New(last).Elem()
		for _, v := range []reflect.Value{a1, b1, a2, b2} {
			randomKeyValue(r, v)
		}
		want := compareKeyValues(a1, b1)
		if descending {
			want = -want
		}
		want = cmp.Or(want, compareKeyValues(a2, b2))
		a := kl.Append(kf.AppendPart(nil, keyPointer(a1), descending), keyPointer(a2))
		b := kl.Append(kf.AppendPart(nil, keyPointer(b1), descending), keyPointer(b2))
		if got := bytes.Compare(a, b); got != want {
			t.Fatalf("order of (%v descending=%v, %v) %+v %+v and %+v %+v = %d, want %d", first, descending, last, a1, a2, b1, b2, got, want)
		}
	}
}

// plainKeyValue replaces what a key does not tell apart.
func plainKeyValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); f == 0 || f != f { // DeepEqual knows no equal NaN
			v.SetFloat(0)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			plainKeyValue(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			plainKeyValue(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != timeType {
				plainKeyValue(v.Field(i))
			}
		}
	}
}

func TestKeyRoundTrip(t *testing.T) {
	for _, typ := range keyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			r, k := keySeed(t), keyTypeOf(t, typ)
			for range 1000 {
				want, got := reflect.New(typ).Elem(), reflect.New(typ).Elem()
				randomKeyValue(r, want)
				plainKeyValue(want)
				key := k.Append([]byte("before"), keyPointer(want))[6:]
				if err := k.Decode(key, keyPointer(got)); err != nil || !reflect.DeepEqual(got.Interface(), want.Interface()) {
					t.Fatalf("Decode(%x) = %+v, %v, want %+v", key, got, err, want)
				}
				for _, descending := range []bool{false, true} {
					got.SetZero()
					part := append(k.AppendPart(nil, keyPointer(want), descending), "after"...)
					rest, err := k.DecodePart(part, keyPointer(got), descending)
					if err != nil || string(rest) != "after" || !reflect.DeepEqual(got.Interface(), want.Interface()) {
						t.Fatalf("DecodePart(%x, %v) = %+v, %q, %v, want %+v", part, descending, got, rest, err, want)
					}
				}
			}
		})
	}
}

func TestKeyBytes(t *testing.T) {
	list := func(l ...int8) *[]int8 { return &l }
	tests := []struct {
		name  string
		value any // a pointer
		whole string
		part  string
	}{
		{"string", new("a\x00b"), "a\x00b", "a\x00\xFFb\x00\x01"},
		{"empty string", new(""), "", "\x00\x01"},
		{"bytes", &[]byte{'a', 0}, "a\x00", "a\x00\xFF\x00\x01"},
		{"nil bytes", new([]byte), "", "\x00\x00"},
		{"empty bytes", &[]byte{}, "\x00", "\x00\x01"},
		{"zero byte", &[]byte{0}, "\x00\x00", "\x00\xFF\x00\x01"},
		{"int32", new(int32(-2)), "\x7F\xFF\xFF\xFE", "\x7F\xFF\xFF\xFE"},
		{"float", new(math.Copysign(0, -1)), "\x80\x00\x00\x00\x00\x00\x00\x00", "\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"nan", new(float32(math.NaN())), "\xFF\xC0\x00\x00", "\xFF\xC0\x00\x00"},
		{"zero time", new(time.Time), "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"list", list(1, 2), "\x02\x81\x02\x82", "\x02\x81\x02\x82\x01"},
		{"empty list", &[]int8{}, "\x01", "\x01"},
		{"nil list", new([]int8), "", "\x00"},
		{"null", new(*string), "\x00", "\x00"},
		{"pointer", new(new("x")), "\x01x", "\x01x\x00\x01"},
		{"struct", &keyInner{S: "s"}, "s\x00\x01\x00", "s\x00\x01\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := reflect.ValueOf(test.value)
			k := keyTypeOf(t, v.Type().Elem())
			if got := k.Append(nil, v.UnsafePointer()); string(got) != test.whole {
				t.Errorf("Append(%+v) = %q, want %q", v.Elem(), got, test.whole)
			}
			if got := k.AppendPart(nil, v.UnsafePointer(), false); string(got) != test.part {
				t.Errorf("AppendPart(%+v) = %q, want %q", v.Elem(), got, test.part)
			}
		})
	}
}

func TestKeyOfUnplannedType(t *testing.T) {
	for _, typ := range []*Type{nil, {}, {Kind: 99, Go: timeType}, {Kind: List, Go: timeType}} {
		if k, err := KeyOf(typ); fault.KindOf(err) != fault.Invalid {
			t.Errorf("KeyOf(%+v) = %v, %v, want kind invalid", typ, k, err)
		}
	}
}

func TestDecodedKeysAreCopies(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[[]string]()} {
		k, v := keyTypeOf(t, typ), reflect.New(typ)
		randomKeyValue(rand.New(rand.NewPCG(3, 3)), v.Elem())
		key, got := k.Append(nil, v.UnsafePointer()), reflect.New(typ)
		if err := k.Decode(key, got.UnsafePointer()); err != nil {
			t.Fatalf("Decode(%x) = %v", key, err)
		}
		for i := range key {
			key[i] = 'Z'
		}
		if !reflect.DeepEqual(got.Elem().Interface(), v.Elem().Interface()) {
			t.Errorf("%v changed to %v with the key", v.Elem(), got.Elem())
		}
	}
}
