package table

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

const benchRows = 1 << 20

// chunks cuts what next makes into chunks of the usual batch size.
func chunks(next func(i int) []byte) [][]string {
	var all [][]string
	for i := 0; i < benchRows; {
		var keys []string
		var data []byte // chunks are parts of one buffer, as in a batch
		for range 4096 {
			key := next(i)
			data = append(data, key...)
			keys = append(keys, string(key))
			i++
		}
		whole := string(data)
		for j, key := range keys {
			keys[j], whole = whole[:len(key)], whole[len(key):]
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
		return func(i int) []byte { return []byte(sequence(perm[i], perm[i]+1)[0]) }
	}},
	{"1000 ints", func(r *rand.Rand) func(int) []byte {
		return func(int) []byte { n := r.IntN(1000); return []byte(sequence(n, n+1)[0]) }
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

func BenchmarkAdd(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			all := chunks(w.make(rand.New(rand.NewPCG(7, 7))))
			table := New()
			b.ResetTimer()
			for b.Loop() {
				table.Reset()
				for _, keys := range all {
					table.Add(keys, nil)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
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
					for _, key := range keys {
						group, ok := groups[key]
						if !ok {
							group = uint32(len(groups))
							groups[key] = group
						}
						dst = append(dst, group)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}
