package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

func hashIndex() Index {
	return Index{[]Segment{
		{Bucket: 0, Offset: 0, StoredBytes: 100, RawBytes: 300, Rows: 10, Sum: 1, Xor: 2},
		{Bucket: 3, Offset: 100, StoredBytes: 70_000, RawBytes: 200_000, Rows: 4096, Sum: math.MaxUint64, Xor: 1 << 63},
		{Bucket: math.MaxUint32, Offset: 70_200, StoredBytes: 33, RawBytes: 1, Rows: 1},
	}}
}

func rangeIndex() Index {
	return Index{[]Segment{
		{FirstKey: []byte{1}, StoredBytes: 40, RawBytes: 50, Rows: 2, Sum: 5, Xor: 6},
		{FirstKey: []byte{1}, Offset: 40, StoredBytes: 40, RawBytes: 50, Rows: 2, Sum: 7, Xor: 8},
		{FirstKey: []byte("arrow"), Offset: 80, StoredBytes: 40, RawBytes: 50, Rows: 2, Sum: 9, Xor: 10},
	}}
}

func mustEncode(t testing.TB, ix Index) []byte {
	t.Helper()
	b, err := ix.AppendBinary(nil)
	if err != nil {
		t.Fatalf("AppendBinary(%+v): %v", ix, err)
	}
	return b
}

func wantCorrupt(t *testing.T, what string, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%s: error %v of kind %v, want kind %v", what, err, fault.KindOf(err), fault.Corrupt)
	}
}

func TestIndexRoundTrip(t *testing.T) {
	for name, ix := range map[string]Index{
		"empty": {}, "hash": hashIndex(), "range": rangeIndex(),
		"largest": {[]Segment{{Offset: 1, StoredBytes: math.MaxInt64 - 1, RawBytes: math.MaxInt64, Rows: math.MaxInt64}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := mustEncode(t, ix)
			got, err := ParseIndex(b)
			if err != nil {
				t.Fatalf("ParseIndex: %v", err)
			}
			if diff := cmp.Diff(ix, got); diff != "" {
				t.Errorf("ParseIndex differs (-want +got):\n%s", diff)
			}
			if got.Digest() != digest(b) || len(got.Digest()) != 32 {
				t.Errorf("Digest = %s, want %s", got.Digest(), digest(b))
			}
			if again, err := ix.AppendBinary([]byte("before")); err != nil || !bytes.Equal(again, append([]byte("before"), b...)) {
				t.Errorf("AppendBinary behind other bytes = %x, %v", again, err)
			}
		})
	}
}

func TestRandomIndexes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var ix Index
		var end int64
		var bucket uint32
		for range r.IntN(200) {
			s := Segment{
				Bucket: bucket + r.Uint32N(5), Offset: end + r.Int64N(3), StoredBytes: r.Int64N(1 << r.IntN(40)),
				RawBytes: r.Int64N(1 << 40), Rows: r.Int64N(1 << 30), Sum: r.Uint64(), Xor: r.Uint64(),
			}
			ix.Segments = append(ix.Segments, s)
			end, bucket = s.Offset+s.StoredBytes, s.Bucket
		}
		got, err := ParseIndex(mustEncode(t, ix))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ix, got); diff != "" {
			t.Fatalf("ParseIndex differs (-want +got):\n%s", diff)
		}
	}
}

// TestParseIndexRefuses builds what AppendBinary never writes.
func TestParseIndexRefuses(t *testing.T) {
	uv := func(b []byte, vs ...uint64) []byte {
		for _, v := range vs {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	digests := make([]byte, 16)
	segment := func(vs ...uint64) []byte { return append(uv(nil, vs...), digests...) }
	join := func(parts ...[]byte) []byte { return append([]byte{indexVersion}, bytes.Join(parts, nil)...) }
	keyed := func(key byte) []byte { return append(append([]byte{0, 1, key}, 0, 0, 0, 0), digests...) }
	cases := []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"version", []byte{indexVersion + 1, 0}},
		{"no count", []byte{indexVersion}},
		{"count of 2^64-1", join(uv(nil, math.MaxUint64), make([]byte, 100))},
		{"count above the bytes", join(uv(nil, 3), make([]byte, 3*minSegmentBytes-1))},
		{"padded count", join([]byte{0x80, 0})},
		{"number of 11 bytes", join(bytes.Repeat([]byte{0x80}, 10), []byte{1}, make([]byte, 100))},
		{"bytes behind", join(uv(nil, 0), []byte{0})},
		{"bucket above 32 bits", join(uv(nil, 1), segment(1<<32, 0, 0, 0, 0, 0))},
		{"buckets add up above 32 bits", join(uv(nil, 2), segment(1<<31, 0, 0, 0, 0, 0), segment(1<<31, 0, 0, 0, 0, 0))},
		{"key of 2^64-1 bytes", join(uv(nil, 1), segment(0, math.MaxUint64, 0, 0, 0, 0))},
		{"offset above 63 bits", join(uv(nil, 1), segment(0, 0, 1<<63, 0, 0, 0))},
		{"end above 63 bits", join(uv(nil, 1), segment(0, 0, math.MaxInt64, 1, 0, 0))},
		{"raw bytes add up above 63 bits", join(uv(nil, 2), segment(0, 0, 0, 0, math.MaxInt64, 0), segment(0, 0, 0, 0, 1, 0))},
		{"rows add up above 63 bits", join(uv(nil, 2), segment(0, 0, 0, 0, 0, math.MaxInt64), segment(0, 0, 0, 0, 0, 1))},
		{"keys descend", join(uv(nil, 2), keyed(2), keyed(1))},
	}
	if _, err := ParseIndex(join(uv(nil, 2), keyed(1), keyed(2))); err != nil {
		t.Fatalf("ParseIndex of a good index: %v", err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseIndex(c.b)
			wantCorrupt(t, c.name, err)
		})
	}
}

func TestParseIndexOfEveryTruncationAndFlippedBit(t *testing.T) {
	for name, ix := range map[string]Index{"hash": hashIndex(), "range": rangeIndex()} {
		b := mustEncode(t, ix)
		want := digest(b)
		for n := range b {
			_, err := ParseIndex(b[:n])
			wantCorrupt(t, fmt.Sprintf("%s, first %d bytes", name, n), err)
		}
		for bit := range len(b) * 8 {
			b[bit/8] ^= 1 << (bit % 8)
			// Parsing alone may accept it, but never under the same digest.
			if got, err := ParseIndex(b); err == nil && got.Digest() == want {
				t.Errorf("%s: bit %d is not detected", name, bit)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// image returns a map output with zeros for blocks.
func image(t testing.TB, ix Index) ([]byte, string) {
	t.Helper()
	b, sum, err := appendTail(make([]byte, ix.end()), ix, ix.end())
	if err != nil {
		t.Fatal(err)
	}
	return b, sum
}

func TestReadIndexOfEveryTruncationAndFlippedBit(t *testing.T) {
	for name, ix := range map[string]Index{"empty": {}, "range": rangeIndex()} {
		b, sum := image(t, ix)
		if got, err := ReadIndex(memoryOutput{b}, sum); err != nil || cmp.Diff(ix, got) != "" {
			t.Fatalf("%s: ReadIndex = %+v, %v", name, got, err)
		}
		for n := range b {
			_, err := ReadIndex(memoryOutput{b[:n]}, sum)
			wantCorrupt(t, fmt.Sprintf("%s, first %d bytes", name, n), err)
			_, err = ReadIndex(memoryOutput{b[n+1:]}, sum)
			wantCorrupt(t, fmt.Sprintf("%s, without its first %d bytes", name, n+1), err)
		}
		detected := 0
		first := int(ix.end()) * 8
		for bit := first; bit < len(b)*8; bit++ {
			b[bit/8] ^= 1 << (bit % 8)
			_, err := ReadIndex(memoryOutput{b}, sum)
			wantCorrupt(t, fmt.Sprintf("%s, bit %d", name, bit), err)
			if err != nil {
				detected++
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		t.Logf("%s: %d of %d flipped bits of index and footer detected", name, detected, len(b)*8-first)
	}
}

// TestReadIndexRefusesForgedFooters gives footers with a right checksum.
func TestReadIndexRefusesForgedFooters(t *testing.T) {
	b, sum := image(t, rangeIndex())
	at := len(b) - footerBytes
	cases := []struct {
		name   string
		change func(f []byte)
	}{
		{"version", func(f []byte) { f[atVersion]++ }},
		{"reserved", func(f []byte) { f[atReserved] = 1 }},
		{"index of 2^64-1 bytes", func(f []byte) { binary.LittleEndian.PutUint64(f[atIndexBytes:], math.MaxUint64) }},
		{"index at 2^64-1", func(f []byte) { binary.LittleEndian.PutUint64(f[atIndexOffset:], math.MaxUint64) }},
		{"index one byte earlier", func(f []byte) { f[atIndexOffset]-- }},
		{"index one byte longer", func(f []byte) { f[atIndexBytes]++ }},
		{"index one byte earlier and longer", func(f []byte) { f[atIndexOffset]--; f[atIndexBytes]++ }},
		{"index above the limit", func(f []byte) { binary.LittleEndian.PutUint64(f[atIndexBytes:], MaxIndexBytes+1) }},
		{"digest", func(f []byte) { f[atDigest] ^= 1 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			forged := bytes.Clone(b)
			f := forged[at:]
			c.change(f)
			binary.LittleEndian.PutUint32(f[atChecksum:], crc32.Checksum(f[:atChecksum], castagnoli))
			_, err := ReadIndex(memoryOutput{forged}, sum)
			wantCorrupt(t, c.name, err)
		})
	}
	t.Run("another output", func(t *testing.T) {
		other, _ := image(t, hashIndex())
		_, err := ReadIndex(memoryOutput{other}, sum)
		wantCorrupt(t, "digest", err)
	})
	t.Run("index beyond the blocks", func(t *testing.T) {
		index := mustEncode(t, rangeIndex())
		f := footer{indexOffset: 10, indexBytes: int64(len(index)), digest: digest(index)}
		_, err := ReadIndex(memoryOutput{f.append(append(make([]byte, 10), index...))}, f.digest)
		wantCorrupt(t, "ReadIndex", err)
	})
}

func TestReadIndexLargerThanTheFirstRead(t *testing.T) {
	var ix Index
	for i := range 2000 {
		ix.Segments = append(ix.Segments, Segment{Bucket: uint32(i), Offset: int64(i) * 10, StoredBytes: 10, Rows: 1})
	}
	b, sum := image(t, ix)
	counted := &failingOutput{memoryOutput: memoryOutput{b}, failAt: -1}
	got, err := ReadIndex(counted, sum)
	if err != nil || len(got.Segments) != 2000 || counted.reads != 2 {
		t.Errorf("ReadIndex = %d segments by %d reads, %v, want 2000 by 2", len(got.Segments), counted.reads, err)
	}
	for n := range 2 {
		_, err := ReadIndex(&failingOutput{memoryOutput: memoryOutput{b}, failAt: n + 1}, sum)
		if fault.KindOf(err) != fault.Fetch || !errors.Is(err, errInjected) {
			t.Errorf("ReadIndex with failing read %d = %v, want kind fetch", n, err)
		}
	}
}

type failingOutput struct {
	memoryOutput
	reads, failAt int
}

func (o *failingOutput) ReadAt(p []byte, at int64) (int, error) {
	if o.reads++; o.reads == o.failAt {
		return 0, errInjected
	}
	return o.memoryOutput.ReadAt(p, at)
}

func TestIndexAboveTheLimit(t *testing.T) {
	ix := Index{[]Segment{{FirstKey: make([]byte, MaxIndexBytes)}}}
	if _, err := ix.AppendBinary(nil); fault.KindOf(err) != fault.Internal {
		t.Errorf("AppendBinary of a key of %d bytes = %v, want kind internal", MaxIndexBytes, err)
	}
	_, err := ParseIndex(make([]byte, MaxIndexBytes+1))
	wantCorrupt(t, "ParseIndex", err)
}

// TestGolden compares with files that earlier versions wrote.
func TestGolden(t *testing.T) {
	for name, ix := range map[string]Index{"hash.tail": hashIndex(), "range.tail": rangeIndex(), "empty.tail": {}} {
		path := filepath.Join("testdata", name)
		b, sum := image(t, ix)
		tail := b[ix.end():]
		want := golden.Content(t, path, tail)
		if !bytes.Equal(tail, want) {
			t.Errorf("%s: written as %x, want %x", name, tail, want)
		}
		got, err := ReadIndex(memoryOutput{append(make([]byte, ix.end()), want...)}, sum)
		if err != nil || cmp.Diff(ix, got) != "" {
			t.Errorf("ReadIndex(%s) = %+v, %v", name, got, err)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	for _, ix := range []Index{{}, hashIndex(), rangeIndex()} {
		f.Add(mustEncode(f, ix))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := ParseIndex(b)
		if err != nil {
			wantCorrupt(t, "ParseIndex", err)
			return
		}
		again, err := ix.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("ParseIndex(%x) is written as %x, %v", b, again, err)
		}
	})
}

func FuzzReadIndex(f *testing.F) {
	for _, ix := range []Index{{}, rangeIndex()} {
		b, _ := image(f, ix)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= footerBytes { // forge what a fuzzer cannot guess
			end := b[len(b)-footerBytes:]
			copy(end, footerMagic)
			binary.LittleEndian.PutUint32(end[atChecksum:], crc32.Checksum(end[:atChecksum], castagnoli))
		}
		sum := ""
		if len(b) >= footerBytes {
			sum = fmt.Sprintf("%x", b[len(b)-footerBytes+atDigest:len(b)-footerBytes+atReserved])
		}
		if _, err := ReadIndex(memoryOutput{b}, sum); err != nil {
			wantCorrupt(t, "ReadIndex", err)
		}
	})
}
