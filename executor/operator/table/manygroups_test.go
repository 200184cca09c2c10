package table

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// BenchmarkManyGroups counts 8 million rows with many different keys: by one
// table, and by one after another for parts that were split by a hash before,
// so that each fits the cache.
func BenchmarkManyGroups(b *testing.B) {
	const rows = 8 << 20
	for _, groups := range []int{1 << 20, 8 << 20} {
		data := make([]byte, 8*rows)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range rows {
			binary.LittleEndian.PutUint64(data[8*i:], uint64(r.IntN(groups))*0x9e3779b97f4a7c15)
		}
		keys := make([]string, 0, 4096)
		view := func(part []byte, use func([]string)) {
			for len(part) > 0 {
				keys = keys[:0]
				for len(part) > 0 && len(keys) < cap(keys) {
					keys = append(keys, unsafe.String(&part[0], 8))
					part = part[8:]
				}
				use(keys)
			}
		}
		b.Run(fmt.Sprintf("groups=%d/one", groups), func(b *testing.B) {
			t := New()
			for b.Loop() {
				t.Reset()
				view(data, func(k []string) { t.Add(k, nil) })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
		for _, n := range []int{16, 64, 256} {
			b.Run(fmt.Sprintf("groups=%d/parts=%d", groups, n), func(b *testing.B) {
				t := New()
				parts := make([][]byte, n)
				shift := 64 - bits.Len(uint(n-1))
				for b.Loop() {
					for i := range parts {
						parts[i] = parts[i][:0]
					}
					for i := 0; i < len(data); i += 8 {
						k := binary.LittleEndian.Uint64(data[i:])
						p := &parts[k*0xc2b2ae3d27d4eb4f>>shift]
						*p = append(*p, data[i:i+8]...)
					}
					for _, p := range parts {
						t.Reset()
						view(p, func(k []string) { t.Add(k, nil) })
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}
