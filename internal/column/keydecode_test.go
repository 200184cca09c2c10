package column

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// checkDamagedKey decodes bytes that may be damaged: either they are refused
// with kind Corrupt, or they are the key of the value that they decode to.
func checkDamagedKey(t *testing.T, typ reflect.Type, key []byte) {
	t.Helper()
	k, v := keyTypeOf(t, typ), reflect.New(typ)
	if err := k.Decode(key, v.UnsafePointer()); err != nil {
		if fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("Decode(%v, %x) = %v of kind %v, want corrupt", typ, key, err, fault.KindOf(err))
		}
	} else if again := k.Append(nil, v.UnsafePointer()); !bytes.Equal(again, key) {
		t.Fatalf("Decode(%v, %x) = %+v, whose key is %x", typ, key, v.Elem(), again)
	}
	for _, descending := range []bool{false, true} {
		v.Elem().SetZero()
		rest, err := k.DecodePart(key, v.UnsafePointer(), descending)
		if err != nil {
			if fault.KindOf(err) != fault.Corrupt {
				t.Fatalf("DecodePart(%v, %x) = %v of kind %v, want corrupt", typ, key, err, fault.KindOf(err))
			}
			continue
		}
		if again := k.AppendPart(nil, v.UnsafePointer(), descending); string(again)+string(rest) != string(key) {
			t.Fatalf("DecodePart(%v, %x, %v) = %+v, whose part is %x", typ, key, descending, v.Elem(), again)
		}
	}
}

func TestDecodeDamagedKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range keyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			k, v := keyTypeOf(t, typ), reflect.New(typ)
			for range 5 {
				randomKeyValue(r, v.Elem())
				forms := [][]byte{
					k.Append(nil, v.UnsafePointer()),
					k.AppendPart(nil, v.UnsafePointer(), false),
					k.AppendPart(nil, v.UnsafePointer(), true),
				}
				for _, key := range forms {
					for n := range len(key) {
						checkDamagedKey(t, typ, key[:n])
					}
					for bit := range 8 * len(key) {
						damaged := bytes.Clone(key)
						damaged[bit/8] ^= 1 << (bit % 8)
						checkDamagedKey(t, typ, damaged)
					}
					checkDamagedKey(t, typ, append(bytes.Clone(key), 0))
				}
			}
		})
	}
}

func TestDecodeKeyRefuses(t *testing.T) {
	tests := []struct {
		name string
		typ  reflect.Type
		key  string
	}{
		{"bool of 2", reflect.TypeFor[bool](), "\x02"},
		{"negative zero", reflect.TypeFor[float64](), "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
		{"other NaN", reflect.TypeFor[float32](), "\xFF\xC0\x00\x01"},
		{"nanoseconds", reflect.TypeFor[time.Time](), "\x80\x00\x00\x00\x00\x00\x00\x00\x3B\x9A\xCA\x00"},
		{"cut number", reflect.TypeFor[keyOuter](), "\x80"},
		{"left over", reflect.TypeFor[int8](), "ab"},
		{"nil string", reflect.TypeFor[[]string](), "\x02\x00\x00"},
		{"string without end", reflect.TypeFor[[]string](), "\x02a\x00"},
		{"nil inside a string", reflect.TypeFor[[]string](), "\x02a\x00\x00"},
		{"needless zero", reflect.TypeFor[[]byte](), "\x00a"},
		{"end of a whole list", reflect.TypeFor[[]bool](), "\x02\x01\x01"},
		{"nil of a whole list", reflect.TypeFor[[]bool](), "\x00"},
		{"mark of a list", reflect.TypeFor[[]bool](), "\x03"},
		{"mark of a pointer", reflect.TypeFor[*bool](), "\x02\x01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := reflect.New(test.typ)
			err := keyTypeOf(t, test.typ).Decode([]byte(test.key), v.UnsafePointer())
			if fault.KindOf(err) != fault.Corrupt {
				t.Errorf("Decode(%q) = %v, %v, want kind corrupt", test.key, v.Elem(), err)
			}
		})
	}
}

func FuzzKeyDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 5))
	for i, typ := range keyTypes {
		v := reflect.New(typ)
		randomKeyValue(r, v.Elem())
		f.Add(i, keyTypeOf(f, typ).Append(nil, v.UnsafePointer()))
		f.Add(i, keyTypeOf(f, typ).AppendPart(nil, v.UnsafePointer(), true))
	}
	f.Fuzz(func(t *testing.T, i int, key []byte) {
		checkDamagedKey(t, keyTypes[int(uint(i)%uint(len(keyTypes)))], key)
	})
}
