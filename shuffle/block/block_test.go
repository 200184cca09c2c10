package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var allCodecs = []Codec{None, S2, Zstd1, Zstd3, Zstd7}

// sample is text that every codec makes smaller.
func sample() []byte {
	return []byte(strings.Repeat("a sheaf is a bundle of arrows; ", 8))
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func mustAppend(t testing.TB, c Codec, dst, raw []byte, rows int) []byte {
	t.Helper()
	b, err := NewEncoder(c).Append(dst, raw, rows)
	if err != nil {
		t.Fatalf("Append(%v, %d bytes, %d rows): %v", c, len(raw), rows, err)
	}
	return b
}

func wantCorrupt(t *testing.T, what string, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%s: error %v of kind %v, want kind %v", what, err, fault.KindOf(err), fault.Corrupt)
	}
}

func TestRoundTrip(t *testing.T) {
	payloads := []struct {
		name string
		raw  []byte
		rows int
	}{
		{"empty", nil, 3},
		{"one byte", []byte{7}, 1},
		{"text", sample(), 8},
		{"noise", noise(1, 10_000), 100},
		{"zeros to the limit", make([]byte, MaxRawBytes), 4096},
		{"noise to the limit", noise(2, MaxRawBytes), 4096},
		{"one row above the block limit", bytes.Repeat(sample(), 20_000), 1},
		{"most rows", []byte("x"), MaxRows},
	}
	for _, c := range allCodecs {
		for _, p := range payloads {
			t.Run(fmt.Sprintf("%v/%s", c, p.name), func(t *testing.T) {
				prefix := []byte("before")
				b := mustAppend(t, c, prefix, p.raw, p.rows)
				if !bytes.HasPrefix(b, prefix) {
					t.Fatalf("Append changed what dst held")
				}
				b = b[len(prefix):]
				raw, h, err := NewDecoder().Decode(nil, b)
				if err != nil {
					t.Fatalf("Decode: %v", err)
				}
				if !bytes.Equal(raw, p.raw) || int(h.Rows) != p.rows || int(h.RawBytes) != len(p.raw) || h.BlockBytes() != len(b) {
					t.Errorf("Decode = %d bytes, %+v, want %d bytes of %d rows", len(raw), h, len(p.raw), p.rows)
				}
				if again, err := ReadHeader(b); err != nil || again != h {
					t.Errorf("ReadHeader = %+v, %v, want %+v", again, err, h)
				}
			})
		}
	}
}

func TestPayloadThatSavesUnderATenthStaysRaw(t *testing.T) {
	for _, c := range allCodecs[1:] {
		// Noise with a tail of zeros: what it saves is about the tail.
		for _, tail := range []int{0, 500, 900, 1200, 2000} {
			raw := append(noise(3, 10_000-tail), make([]byte, tail)...)
			h, err := ReadHeader(mustAppend(t, c, nil, raw, 10))
			if err != nil {
				t.Fatal(err)
			}
			if h.Codec == None && tail == 2000 || h.Codec != None && tail <= 900 {
				t.Errorf("%v with %d of 10000 bytes to save is stored as %v", c, tail, h.Codec)
			}
			if h.Codec != None && h.StoredBytes > 9000 {
				t.Errorf("%v stores %d of 10000 bytes compressed, want raw above 9000", c, h.StoredBytes)
			}
		}
	}
}

func TestAppendRefusesSizes(t *testing.T) {
	cases := []struct {
		name      string
		raw, rows int
		want      fault.Kind
	}{
		{"no row", 1, 0, fault.Internal},
		{"negative rows", 1, -1, fault.Internal},
		{"too many rows", 1, MaxRows + 1, fault.Internal},
		{"too large", MaxRawBytes + 1, 2, fault.Internal},
		{"row too large", MaxRowBytes + 1, 1, fault.Invalid}, // never touched, hence never in memory
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dst := []byte("kept")
			got, err := NewEncoder(None).Append(dst, make([]byte, c.raw), c.rows)
			if fault.KindOf(err) != c.want || string(got) != "kept" {
				t.Errorf("Append(%d bytes, %d rows) = %q, %v, want kind %v", c.raw, c.rows, got, err, c.want)
			}
		})
	}
}

func TestSizesAtTheirLimits(t *testing.T) {
	for _, c := range []struct {
		raw, rows int
		ok        bool
	}{
		{MaxRawBytes - 1, 2, true}, {MaxRawBytes, 2, true}, {MaxRawBytes + 1, 2, false},
		{MaxRowBytes - 1, 1, true}, {MaxRowBytes, 1, true}, {MaxRowBytes + 1, 1, false},
		{0, MaxRows, true}, {0, MaxRows + 1, false},
	} {
		if err := checkSizes(c.raw, c.rows); (err == nil) != c.ok {
			t.Errorf("checkSizes(%d, %d) = %v, want ok %v", c.raw, c.rows, err, c.ok)
		}
		h := Header{Rows: uint32(c.rows), RawBytes: uint32(c.raw), StoredBytes: uint32(c.raw)}
		if err := h.check(); (err == nil) != c.ok {
			t.Errorf("%+v: check = %v, want ok %v", h, err, c.ok)
		}
	}
}

func TestLargeRow(t *testing.T) {
	raw := make([]byte, 9<<20)
	copy(raw[4<<20:], noise(4, 3<<20))
	for _, c := range allCodecs {
		b := mustAppend(t, c, nil, raw, 1)
		got, _, err := NewDecoder().Decode(nil, b)
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%v: Decode of a large row = %d bytes, %v, want %d", c, len(got), err, len(raw))
		}
	}
}

func TestEveryFlippedBitIsDetected(t *testing.T) {
	d := NewDecoder()
	for _, c := range allCodecs {
		b := mustAppend(t, c, nil, sample(), 8)
		detected := 0
		for bit := range len(b) * 8 {
			b[bit/8] ^= 1 << (bit % 8)
			_, _, err := d.Decode(nil, b)
			wantCorrupt(t, fmt.Sprintf("%v, bit %d", c, bit), err)
			if err != nil {
				detected++
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		t.Logf("%v: %d of %d flipped bits detected", c, detected, len(b)*8)
	}
}

func TestEveryTruncationIsDetected(t *testing.T) {
	d := NewDecoder()
	for _, c := range allCodecs {
		b := mustAppend(t, c, nil, sample(), 8)
		for n := range b {
			_, _, err := d.Decode(nil, b[:n])
			wantCorrupt(t, fmt.Sprintf("%v, first %d bytes", c, n), err)
		}
		_, _, err := d.Decode(nil, append(b, 0))
		wantCorrupt(t, fmt.Sprintf("%v, a byte too many", c), err)
	}
}

// forge returns a block whose checksums are right, whatever the header says.
func forge(h Header, payload []byte) []byte {
	b := append(make([]byte, HeaderBytes), payload...)
	h.put(b, payload)
	return b
}

func TestReadHeaderRefusesWhatIsBeyondTheLimits(t *testing.T) {
	const most = 1<<32 - 1
	good := Header{Codec: S2, Rows: 10, RawBytes: 100, StoredBytes: 50}
	cases := []struct {
		name   string
		change func(b []byte)
	}{
		{"codec", func(b []byte) { b[atCodec] = codecs }},
		{"version", func(b []byte) { b[atVersion] = version + 1 }},
		{"reserved", func(b []byte) { b[atReserved] = 1 }},
		{"unused", func(b []byte) { b[atUnused+3] = 1 }},
		{"no rows", func(b []byte) { binary.LittleEndian.PutUint32(b[atRows:], 0) }},
		{"most rows", func(b []byte) { binary.LittleEndian.PutUint32(b[atRows:], most) }},
		{"raw bytes", func(b []byte) { binary.LittleEndian.PutUint32(b[atRaw:], MaxRawBytes+1) }},
		{"most raw bytes", func(b []byte) { binary.LittleEndian.PutUint32(b[atRaw:], most) }},
		{"stored bytes", func(b []byte) { binary.LittleEndian.PutUint32(b[atStored:], 100) }},
		{"most stored bytes", func(b []byte) { binary.LittleEndian.PutUint32(b[atStored:], most) }},
		{"uncompressed lengths", func(b []byte) { b[atCodec] = byte(None) }},
		{"largest row", func(b []byte) {
			binary.LittleEndian.PutUint32(b[atRows:], 1)
			binary.LittleEndian.PutUint32(b[atRaw:], MaxRowBytes+1)
		}},
	}
	if _, err := ReadHeader(forge(good, nil)); err != nil {
		t.Fatalf("ReadHeader(%+v): %v", good, err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := forge(good, nil)
			c.change(b)
			binary.LittleEndian.PutUint32(b[atHeader:], crc32.Checksum(b[:atHeader], castagnoli))
			allocated := testing.AllocsPerRun(1, func() {
				_, err := ReadHeader(b)
				wantCorrupt(t, c.name, err)
			})
			if allocated > 20 {
				t.Errorf("ReadHeader allocated %v times for an error", allocated)
			}
		})
	}
}

func TestDecompressionBombsStopAtTheDeclaredLength(t *testing.T) {
	bomb := make([]byte, 16<<20)
	for _, c := range allCodecs[1:] {
		packed := c.compress(make([]byte, 0, c.bound(len(bomb))), bomb)
		for _, declared := range []uint32{uint32(len(packed)) + 1, uint32(len(bomb)) - 1, uint32(len(bomb)) + 1} {
			b := forge(Header{Codec: c, Rows: 1, RawBytes: declared, StoredBytes: uint32(len(packed))}, packed)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := NewDecoder().Decode(nil, b)
			runtime.ReadMemStats(&after)
			what := fmt.Sprintf("%v bomb of %d bytes declared as %d", c, len(packed), declared)
			wantCorrupt(t, what, err)
			// A decoder that is new to the shelf may be among it.
			if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(declared)+8<<20; took > limit {
				t.Errorf("%s: Decode allocated %d bytes, want at most %d", what, took, limit)
			}
		}
	}
}

func TestDecodeUsesItsScratch(t *testing.T) {
	d := NewDecoder()
	scratch := make([]byte, 3, 4096)
	for _, c := range allCodecs {
		b := mustAppend(t, c, nil, sample(), 8)
		raw, _, err := d.Decode(scratch, b)
		if err != nil {
			t.Fatal(err)
		}
		if &raw[0] != &scratch[0] || cap(raw) != cap(scratch) {
			t.Errorf("%v: Decode left a scratch of %d bytes for one of %d", c, cap(scratch), cap(raw))
		}
		clear(b)
		if !bytes.Equal(raw, sample()) {
			t.Errorf("%v: the payload shares memory with the block", c)
		}
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	raw := bytes.Repeat(sample(), 200)
	for _, c := range allCodecs {
		e, d := NewEncoder(c), NewDecoder()
		var b, out []byte
		pass := func() {
			b, _ = e.Append(b[:0], raw, 100)
			out, _, _ = d.Decode(out, b)
		}
		pass()
		if n := testing.AllocsPerRun(200, pass); n >= 1 {
			t.Errorf("%v: %v allocations a block", c, n)
		}
	}
}

func TestParseCodec(t *testing.T) {
	for _, c := range allCodecs {
		if got, err := ParseCodec(c.String()); got != c || err != nil {
			t.Errorf("ParseCodec(%q) = %v, %v, want %v", c.String(), got, err, c)
		}
	}
	if got, err := ParseCodec("zstd"); got != Zstd3 || err != nil {
		t.Errorf("ParseCodec(zstd) = %v, %v, want %v", got, err, Zstd3)
	}
	_, err := ParseCodec("lz4")
	for _, name := range append(codecNames[:], "lz4") {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("ParseCodec(lz4) error %v does not name %s", err, name)
		}
	}
	if got := Codec(9).String(); got != "codec(9)" {
		t.Errorf("Codec(9).String() = %q", got)
	}
}

func TestCodecNumbersArePermanent(t *testing.T) {
	for c, want := range map[Codec]string{0: "none", 1: "s2", 2: "zstd-1", 3: "zstd-3", 4: "zstd-7"} {
		if c.String() != want {
			t.Errorf("codec %d is %v, want %s", uint8(c), c, want)
		}
	}
}

// TestGolden reads blocks that earlier versions wrote. Compressors may pack
// better one day, so only the uncompressed block must be written the same.
func TestGolden(t *testing.T) {
	for _, c := range allCodecs {
		name := filepath.Join("testdata", c.String()+".block")
		b := golden.Content(t, name, mustAppend(t, c, nil, sample(), 8))
		raw, h, err := NewDecoder().Decode(nil, b)
		if err != nil || !bytes.Equal(raw, sample()) || h.Rows != 8 || h.Codec != c {
			t.Errorf("Decode(%s) = %q, %+v, %v", name, raw, h, err)
		}
		if c == None && !bytes.Equal(mustAppend(t, c, nil, sample(), 8), b) {
			t.Errorf("Append writes another block than %s", name)
		}
	}
}

// TestRandomBlocks sends random payloads of every shape through every codec
// with shared buffers, as tasks do.
func TestRandomBlocks(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	d := NewDecoder()
	var b, out []byte
	for i := range 2000 {
		c := allCodecs[r.IntN(len(allCodecs))]
		raw := noise(r.Uint64(), r.IntN(1<<r.IntN(16)))
		for j := range raw {
			raw[j] &= byte(1<<(i%9) - 1)
		}
		rows := 1 + r.IntN(5000)
		b = mustAppend(t, c, b[:0], raw, rows)
		var h Header
		var err error
		out, h, err = d.Decode(out, b)
		if err != nil || !bytes.Equal(out, raw) || int(h.Rows) != rows {
			t.Fatalf("block %d, %v of %d bytes: Decode = %d bytes, %+v, %v", i, c, len(raw), len(out), h, err)
		}
	}
}
