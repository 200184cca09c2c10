package operator

import (
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
)

// TestChunk collects rows of a size and holds the chunks to their bounds.
func TestChunk(t *testing.T) {
	const most = 4096
	kilo, mega := strings.Repeat("k", 1<<10), strings.Repeat("m", 1<<20)
	tests := []struct {
		name     string
		row      func(i int) string
		min, max int // rows a chunk
	}{
		{"small rows", func(int) string { return "a word" }, most, most},
		{"rows of a kibibyte", func(int) string { return kilo }, 1000, 1040},
		{"rows of a mebibyte", func(int) string { return mega }, 1, 1},
		{"a large row once in a while", func(i int) string {
			if i%100 == 99 {
				return mega
			}
			return ""
		}, 90, 132},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newChunk[string](stringType(t), most)
			for i := range 20_000 {
				if !c.add(test.row(i)) {
					continue
				}
				if n := len(c.rows); n < test.min || n > test.max {
					t.Fatalf("a chunk of %d rows, want %d to %d", n, test.min, test.max)
				}
				c.reset()
			}
		})
	}
}

func stringType(t testing.TB) *column.Type {
	t.Helper()
	typ, err := column.For[string]()
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// BenchmarkChunk measures what it costs to look at the size of rows, against
// appending alone.
func BenchmarkChunk(b *testing.B) {
	const rows = 4096
	b.Run("append", func(b *testing.B) {
		all := make([]string, 0, rows)
		for b.Loop() {
			for range rows {
				all = append(all, "a word")
			}
			all = all[:0]
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	})
	b.Run("chunk", func(b *testing.B) {
		c := newChunk[string](stringType(b), rows)
		for b.Loop() {
			for range rows {
				if c.add("a word") {
					c.reset()
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	})
}
