package text

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/sdk/format"
)

// splitAll runs both ways of splitting whole lines.
func splitAll(t *testing.T, src []byte, rows int) {
	t.Helper()
	all := bytes.Split(src, []byte("\n"))
	all = all[:len(all)-1] // what follows the last "\n" is no whole line
	all = all[:min(len(all), rows)]
	wantTaken := 0
	for _, line := range all {
		wantTaken += len(line) + 1
	}
	for _, wide := range []bool{false, true} {
		// Splitting may not touch the bytes around the data's room.
		memory := bytes.Repeat([]byte{'#'}, len(src)+32)
		l := lines{data: memory[16 : 16 : len(src)+16], ends: make([]int32, 0, rows)}
		taken := l.split(src, wide)
		if taken != wantTaken || len(l.ends) != len(all) {
			t.Fatalf("split(%q, wide %v) takes %d bytes and %d rows, want %d and %d", src, wide, taken, len(l.ends), wantTaken, len(all))
		}
		start, crs := int32(0), 0
		for i, want := range all {
			if n := len(want); n > 0 && want[n-1] == '\r' {
				want = want[:n-1]
				crs++
			}
			if got := l.data[start:l.ends[i]]; !bytes.Equal(got, want) {
				t.Fatalf("split(%q, wide %v) row %d = %q, want %q", src, wide, i, got, want)
			}
			start = l.ends[i]
		}
		if len(l.crs) != crs || int(start) != len(l.data) {
			t.Fatalf("split(%q, wide %v) finds %d \\r and %d bytes, want %d and %d", src, wide, len(l.crs), len(l.data), crs, start)
		}
		if edges := append(memory[:16:16], memory[len(src)+16:]...); !bytes.Equal(edges, bytes.Repeat([]byte{'#'}, 32)) {
			t.Fatalf("split(%q, wide %v) writes outside its room: %q", src, wide, edges)
		}
	}
}

func TestSplit(t *testing.T) {
	for n := range 40 {
		for at := range n {
			src := bytes.Repeat([]byte("x"), n)
			src[at] = '\n'
			splitAll(t, src, 10)
			if at > 0 {
				src[at-1] = '\r'
				splitAll(t, src, 10)
			}
		}
		splitAll(t, bytes.Repeat([]byte("\n"), n), 100)
		splitAll(t, bytes.Repeat([]byte("\n"), n), 7)
		splitAll(t, bytes.Repeat([]byte("\r\n"), n), 100)
		splitAll(t, bytes.Repeat([]byte("\x0b\x8a\n"), n), 100)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\rlonger than eight bytes\n"), 3)
	f.Add([]byte("\n\x0b\x0a\x8a\x0a\x09"), 100)
	f.Fuzz(func(t *testing.T, src []byte, rows int) {
		splitAll(t, src, 1+rows&0xff)
	})
}

// FuzzDecode cuts any bytes in two pieces and compares with the plainest way.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\rlonger than eight bytes\n"), 3, 10)
	f.Fuzz(func(t *testing.T, data []byte, rows, bytes int) {
		sample := sampleOf("fuzz", string(data))
		opts := format.Piece{}.Options.WithDefaults()
		opts.BatchRows, opts.BatchBytes = 1+rows&0xf, 1+bytes&0xff
		d := newDecoder(format.Piece{Options: opts})
		defer d.Close()
		row := 0
		for at := 0; at < len(data); {
			batch, taken, err := d.Decode(format.Window{Data: data[at:], Offset: int64(at), Limit: len(data) - at, Final: true})
			if err != nil || batch == nil {
				t.Fatalf("Decode(%q) from %d = %v, %v, want rows", data, at, batch, err)
			}
			for i := range int(batch.NumRows()) {
				got := batch.Column(0).ValueStr(i)
				place := d.Place(i)
				if got != sample.Rows[row] || place.Offset != sample.Offsets[row] || place.Line != int64(row+1) {
					t.Fatalf("row %d of %q = %q at %+v, want %q at %d", row, data, got, place, sample.Rows[row], sample.Offsets[row])
				}
				row++
			}
			at += taken
		}
		if row != len(sample.Rows) {
			t.Fatalf("%d rows of %q, want %d", row, data, len(sample.Rows))
		}
	})
}

// BenchmarkSplit is why there are two ways of splitting: see wideMean.
func BenchmarkSplit(b *testing.B) {
	for _, mean := range []int{10, 40, 80, 120, 400} {
		rng := rand.New(rand.NewPCG(1, 1))
		src := bytes.Repeat([]byte("a"), 256<<10)
		for i := 0; i < len(src); i += 1 + rng.IntN(2*mean) {
			src[i] = '\n'
		}
		data, ends := make([]byte, 0, len(src)), make([]int32, 0, len(src))
		for _, wide := range []bool{false, true} {
			b.Run(fmt.Sprintf("mean=%d/wide=%v", mean, wide), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					l := lines{data: data, ends: ends}
					l.split(src, wide)
				}
			})
		}
	}
}
