package column

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
)

func keysOf(keys ...string) *Keys {
	k := &Keys{}
	for _, key := range keys {
		k.Add([]byte(key))
	}
	return k
}

func (k *Keys) strings() []string {
	all := make([]string, k.Len())
	for i := range all {
		all[i] = string(k.At(i))
	}
	return all
}

func TestKeysReset(t *testing.T) {
	var k Keys
	if k.Len() != 0 || k.Bytes() != 0 {
		t.Errorf("zero Keys has Len %d, Bytes %d, want 0, 0", k.Len(), k.Bytes())
	}
	k.Add([]byte("ab"))
	k.Add(nil)
	k.Add([]byte("c"))
	if got := fmt.Sprintf("%q", k.strings()); got != `["ab" "" "c"]` {
		t.Errorf("keys = %s, want [ab, empty, c]", got)
	}
	held := k.Bytes()
	k.Reset()
	if k.Len() != 0 || k.Bytes() != held {
		t.Errorf("after Reset Len = %d, Bytes = %d, want 0, %d", k.Len(), k.Bytes(), held)
	}
}

func TestAppendKeysEqualsAppend(t *testing.T) {
	for _, typ := range keyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			r, k := keySeed(t), keyTypeOf(t, typ)
			row := reflect.StructOf([]reflect.StructField{ // the key stands inside the row
				{Name: "Before", Type: reflect.TypeFor[int16]()},
				{Name: "Key", Type: typ},
				{Name: "After", Type: reflect.TypeFor[byte]()},
			})
			const n = 100
			rows := reflect.MakeSlice(reflect.SliceOf(row), n, n)
			got, want := keysOf("first"), keysOf("first")
			for i := range n {
				key := rows.Index(i).Field(1)
				randomKeyValue(r, key)
				want.Add(k.Append(nil, keyPointer(key)))
			}
			k.AppendKeys(got, rows.Index(0).Field(1).Addr().UnsafePointer(), row.Size(), 0)
			k.AppendKeys(got, rows.Index(0).Field(1).Addr().UnsafePointer(), row.Size(), n)
			if !bytes.Equal(got.Data, want.Data) || !reflect.DeepEqual(got.Ends, want.Ends) {
				t.Errorf("AppendKeys = %q, want %q", got.strings(), want.strings())
			}
		})
	}
}

func TestAppendKeysDoesNotAllocate(t *testing.T) {
	type row struct {
		A string
		B *int64
		C []string
	}
	rows := make([]row, 1000)
	for i := range rows {
		rows[i] = row{fmt.Sprint("key\x00", i), new(int64(i)), []string{"a", "b"}}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[row]()} {
		k, keys := keyTypeOf(t, typ), &Keys{}
		got := testing.AllocsPerRun(10, func() {
			keys.Reset()
			k.AppendKeys(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
		})
		if got != 0 {
			t.Errorf("AppendKeys of %v allocates %v times, want 0", typ, got)
		}
	}
}

func TestKeysLimit(t *testing.T) {
	for _, n := range []int{0, MaxKeysBytes, MaxKeysBytes + 1} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if over := n > MaxKeysBytes; over != (err != nil) || over && fault.KindOf(err) != fault.Resource {
					t.Errorf("checkKeysBytes(%d) panics with %v, want kind resource only beyond the limit", n, err)
				}
			}()
			checkKeysBytes(n)
		}()
	}
}

func TestHashKeyGolden(t *testing.T) {
	tests := []struct {
		key    string
		hash   uint64
		bucket int // of 1000
	}{
		{"", 0x2d06800538d394c2, 175},
		{"a", 0xe6c632b61e964e1f, 901},
		{"sheaf", 0xb98da7f89af31e7e, 724},
		{"0123456789abcdef", 0x64439946d8fa212d, 391},
		{"the quick brown fox jumps over the lazy dog", 0xe4541a9cacf545aa, 891},
		{string(bytes.Repeat([]byte{0xA5}, 1000)), 0x107001fa7f8fb283, 64},
	}
	for _, test := range tests {
		got := HashKey([]byte(test.key))
		if got != test.hash {
			t.Errorf("HashKey(%.20q) = %#x, want %#x: map outputs of older programs would no longer match", test.key, got, test.hash)
		}
		if got := Bucket(got, 1000); got != test.bucket {
			t.Errorf("Bucket(HashKey(%.20q), 1000) = %d, want %d", test.key, got, test.bucket)
		}
	}
}

func TestBucketIsEvenAndInRange(t *testing.T) {
	for _, buckets := range []int{1, 2, 3, 256, 1000, 1 << 31} {
		for _, hash := range []uint64{0, 1, 1 << 32, math.MaxUint64 >> 1, math.MaxUint64} {
			if got := Bucket(hash, buckets); got < 0 || got >= buckets {
				t.Errorf("Bucket(%#x, %d) = %d, want 0 to %d", hash, buckets, got, buckets-1)
			}
		}
	}
	const buckets, rows = 64, 64 * 1000
	var counts [buckets]int
	k := keyTypeOf(t, reflect.TypeFor[int64]())
	for i := range int64(rows) {
		counts[Bucket(HashKey(k.Append(nil, unsafe.Pointer(&i))), buckets)]++
	}
	for b, n := range counts {
		if n < 800 || n > 1200 { // 1000 plus or minus more than six deviations
			t.Errorf("bucket %d has %d of %d sequential keys, want about %d", b, n, rows, rows/buckets)
		}
	}
}

// randomKeys returns n keys of at most longest bytes from a small alphabet.
func randomKeys(r *rand.Rand, n, longest int) *Keys {
	k := &Keys{}
	for range n {
		b := make([]byte, r.IntN(longest+1))
		for i := range b {
			b[i] = "\x00\x00\x01ab\xFF"[r.IntN(6)]
		}
		k.Add(b)
	}
	return k
}

func TestKeysView(t *testing.T) {
	data, ends := []byte("abc"), []uint32{1, 1, 3}
	k := keysOf("before")
	k.View(data, ends)
	if got := fmt.Sprintf("%q", k.strings()); got != `["a" "" "bc"]` {
		t.Errorf("keys of a view = %s, want [a, empty, bc]", got)
	}
	k.Reset()
	k.Add([]byte("other"))
	if string(data) != "abc" {
		t.Errorf("after Reset and Add the viewed bytes are %q, want abc", data)
	}
}
