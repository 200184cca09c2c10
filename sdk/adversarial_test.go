package sdk_test

import (
	"cmp"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/sdk"
)

var adversarialSeed = flag.Uint64("adversarial.seed", 0, "seed of the data of TestAdversarial; 0 for a new one")

// standard is the data that others are compared with: words of some letters,
// a few of them frequent.
func standard(r *rand.Rand, n int) []string {
	zipf := rand.NewZipf(r, 1.1, 4, uint64(n))
	return rowsOf(n, func(int) string { return fmt.Sprintf("word %06d", zipf.Uint64()) })
}

// adversarial is data that some design would be slow or wrong for.
var adversarial = map[string]func(r *rand.Rand, n int) []string{
	"keys of 1 to 200 bytes": func(r *rand.Rand, n int) []string {
		return rowsOf(n, func(int) string { return strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(200)) })
	},
	"all equal": func(_ *rand.Rand, n int) []string { return rowsOf(n, func(int) string { return "the same" }) },
	"all distinct": func(r *rand.Rand, n int) []string {
		return rowsOf(n, func(int) string { return fmt.Sprintf("%016x", r.Uint64()) })
	},
	"sorted": func(_ *rand.Rand, n int) []string {
		return rowsOf(n, func(i int) string { return fmt.Sprintf("%012d", i) })
	},
	"reversed": func(_ *rand.Rand, n int) []string {
		return rowsOf(n, func(i int) string { return fmt.Sprintf("%012d", n-i) })
	},
	"long prefixes": func(r *rand.Rand, n int) []string {
		return rowsOf(n, func(int) string { return strings.Repeat("p", 100) + fmt.Sprint(r.IntN(n)) })
	},
	"equal low bits of the hash": func(r *rand.Rand, n int) []string {
		return colliding(r, n, func(h uint64) uint64 { return h & (1<<collidingBits - 1) })
	},
	"equal high bits of the hash": func(r *rand.Rand, n int) []string {
		return colliding(r, n, func(h uint64) uint64 { return h >> (64 - collidingBits) })
	},
}

// collidingBits is how many bits of their hashes are equal.
const collidingBits = 9

func rowsOf(n int, row func(i int) string) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = row(i)
	}
	return rows
}

// colliding gives rows of some thousand keys for whose hashes part is 0.
func colliding(r *rand.Rand, n int, part func(uint64) uint64) []string {
	var keys []string
	for i := 0; len(keys) < min(n, 5000); i++ {
		key := fmt.Sprintf("key %08d", i)
		if part(column.HashKey([]byte(key))) == 0 {
			keys = append(keys, key)
		}
	}
	return rowsOf(n, func(int) string { return keys[r.IntN(len(keys))] })
}

// adversarialJobs do something by key with rows and give results as strings.
var adversarialJobs = map[string]func(rows sdk.Dataset[string]) sdk.Dataset[string]{
	"sort": func(rows sdk.Dataset[string]) sdk.Dataset[string] { return sdk.Sort(rows) },
	"count": func(rows sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.Map(sdk.Count(rows), func(c sdk.KV[string, int64]) string { return countText(c.Key, c.Value) })
	},
	"group": func(rows sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.GroupByKey(sdk.KeyBy(rows, func(row string) string { return row }), func(key string, rows iter.Seq[string], emit sdk.Emit[string]) {
			var n int64
			for range rows {
				n++
			}
			emit(countText(key, n))
		})
	},
}

func countText(key string, n int64) string { return fmt.Sprint(key, " ", n) }

// naive is what a job gives, sorted.
func naive(job string, rows []string) []string {
	sorted := slices.Sorted(slices.Values(rows))
	if job == "sort" {
		return sorted
	}
	var counts []string
	for from, i := 0, 0; i < len(sorted); i++ {
		if i+1 == len(sorted) || sorted[i+1] != sorted[i] {
			counts = append(counts, countText(sorted[i], int64(i+1-from)))
			from = i + 1
		}
	}
	slices.Sort(counts)
	return counts
}

func TestAdversarial(t *testing.T) {
	const rows = 50_000
	seed := cmp.Or(*adversarialSeed, uint64(time.Now().UnixNano()))
	t.Logf("seed %d (-adversarial.seed)", seed)
	for data, make := range adversarial {
		in := make(rand.New(rand.NewPCG(seed, 1)), rows)
		for name, build := range adversarialJobs {
			t.Run(data+"/"+name, func(t *testing.T) {
				t.Parallel()
				var got []string
				job := sdk.Define(name, func(p *sdk.Pipeline, _ struct{}) error {
					sdk.Collect(build(sdk.Values(p, in...)), func(rows []string) error { got = rows; return nil })
					return nil
				})
				if _, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Parallelism: 2, MemoryBytes: 1 << 20, Tmp: []string{t.TempDir()}}); err != nil {
					t.Fatal(err)
				}
				if name != "sort" {
					slices.Sort(got)
				}
				if want := naive(name, in); !slices.Equal(got, want) {
					t.Errorf("%s of %q = %d rows, want %d (or others)", name, data, len(got), len(want))
				}
			})
		}
	}
}

// BenchmarkAdversarial reports how long a byte of every kind of data takes, as
// a multiple of what a byte of standard data takes.
func BenchmarkAdversarial(b *testing.B) {
	const rows = 1_000_000
	kinds := []string{"standard"}
	for data := range adversarial {
		kinds = append(kinds, data)
	}
	slices.Sort(kinds[1:])
	for _, name := range []string{"count", "group", "sort"} {
		var base float64 // nanoseconds a byte of standard data
		for _, data := range kinds {
			b.Run(name+"/"+data, func(b *testing.B) {
				make := adversarial[data]
				if data == "standard" {
					make = standard
				}
				in := make(rand.New(rand.NewPCG(5, 6)), rows)
				var bytes int64
				for _, row := range in {
					bytes += int64(len(row)) + 1
				}
				b.SetBytes(bytes)
				tmp := b.TempDir()
				for b.Loop() {
					job := sdk.Define(name, func(p *sdk.Pipeline, _ struct{}) error {
						drop := sdk.Filter(adversarialJobs[name](sdk.Values(p, in...)), func(string) bool { return false })
						sdk.Collect(drop, func([]string) error { return nil })
						return nil
					})
					if _, err := sdk.Run(b.Context(), job, struct{}{}, sdk.Options{MemoryBytes: 64 << 20, Tmp: []string{tmp}}); err != nil {
						b.Fatal(err)
					}
				}
				perByte := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(bytes)
				if data == "standard" {
					base = perByte
				}
				if base > 0 {
					b.ReportMetric(perByte/base, "x-standard")
				}
			})
		}
	}
}
