package table

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
)

const benchRows = 1 << 20

// chunks cuts what next makes into chunks of the usual batch size.
func chunks(next func(i int) []byte) []*column.Keys {
	var all []*column.Keys
	for i := 0; i < benchRows; {
		keys := &column.Keys{}
		for ; keys.Len() < 4096; i++ {
			keys.Add(next(i))
		}
		all = append(all, keys)
	}
	return all
}

var workloads = []struct {
	name string
	make func(r *rand.Rand) func(i int) []byte
}{
	{"zipf words", func(r *rand.Rand) func(int) []byte {
		zipf := rand.NewZipf(r, 1.1, 1, 500_000)
		return func(int) []byte { return strconv.AppendUint([]byte("wd"), zipf.Uint64()*7919, 36) }
	}},
	{"distinct ints", func(r *rand.Rand) func(int) []byte {
		perm := r.Perm(benchRows)
		return func(i int) []byte { return sequence(perm[i], perm[i]+1).Data }
	}},
	{"1000 ints", func(r *rand.Rand) func(int) []byte {
		return func(int) []byte { n := r.IntN(1000); return sequence(n, n+1).Data }
	}},
	{"long words", func(r *rand.Rand) func(int) []byte {
		zipf := rand.NewZipf(r, 1.1, 1, 500_000)
		return func(int) []byte {
			return strconv.AppendUint([]byte("https://example.org/page/"), zipf.Uint64()*7919, 36)
		}
	}},
}

func BenchmarkGroups(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			all := chunks(w.make(rand.New(rand.NewPCG(7, 7))))
			table, dst := New(), []uint32(nil)
			b.ResetTimer()
			for b.Loop() {
				table.Reset()
				for _, keys := range all {
					dst = table.Groups(keys, dst[:0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
			b.ReportMetric(float64(table.Len()), "groups")
		})
	}
}

// BenchmarkMap is the yardstick: the built-in map with the same work.
func BenchmarkMap(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			all := chunks(w.make(rand.New(rand.NewPCG(7, 7))))
			groups, dst := map[string]uint32{}, []uint32(nil)
			b.ResetTimer()
			for b.Loop() {
				clear(groups)
				for _, keys := range all {
					dst = dst[:0]
					for i := range keys.Len() {
						group, ok := groups[string(keys.At(i))]
						if !ok {
							group = uint32(len(groups))
							groups[string(keys.At(i))] = group
						}
						dst = append(dst, group)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}
