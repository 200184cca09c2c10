package block

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// text is the benchmark's payload: a block of words with Zipf's frequencies.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(r, 1.1, 4, 50_000)
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "w%x ", z.Uint64()*2654435761)
	}
	return b[:n]
}

func BenchmarkEncode(b *testing.B) {
	raw := text(512 << 10)
	for _, c := range allCodecs {
		b.Run(c.String(), func(b *testing.B) {
			e := NewEncoder(c)
			var out []byte
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				out, _ = e.Append(out[:0], raw, 1000)
			}
			b.ReportMetric(float64(len(out))/float64(len(raw)), "ratio")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := text(512 << 10)
	for _, c := range allCodecs {
		b.Run(c.String(), func(b *testing.B) {
			d := NewDecoder()
			stored := mustAppend(b, c, nil, raw, 1000)
			var out []byte
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				out, _, _ = d.Decode(out, stored)
			}
		})
	}
}
