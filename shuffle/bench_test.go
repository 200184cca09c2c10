package shuffle

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// benchChunk is 1,024 rows: keys of about ten bytes and a number.
func benchChunk(r *rand.Rand) (*column.Keys, []int64) {
	var keys column.Keys
	rows := make([]int64, 1024)
	for i := range rows {
		keys.Add(fmt.Appendf(nil, "key%d", r.IntN(1_000_000)))
		rows[i] = int64(i)
	}
	return &keys, rows
}

// benchWriter measures a writer over a million rows, publishing included.
func benchWriter(b *testing.B, make func(env *Env) rowWriter) {
	p := newPlace(b, 256<<20, 0, block.S2)
	keys, rows := benchChunk(rand.New(rand.NewPCG(1, 1)))
	const chunks = 1 << 10
	b.ReportAllocs()
	for b.Loop() {
		env := p.env()
		w := make(env)
		for range chunks {
			if err := w.Write(keys, unsafe.Pointer(&rows[0]), 8, len(rows)); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := p.store.DropAttempt(env.Attempt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(chunks*1024), "ns/row")
}

func BenchmarkHashWriter(b *testing.B) {
	typ := typeOf[int64](b)
	benchWriter(b, func(env *Env) rowWriter { return NewHashWriter[int64](env, 0, 256, typ) })
}

func BenchmarkSortWriter(b *testing.B) {
	typ := typeOf[int64](b)
	benchWriter(b, func(env *Env) rowWriter { return NewSortWriter[int64](env, 0, typ) })
}

// BenchmarkHeavyKeys measures what finding heavy keys adds to a row of
// BenchmarkSortWriter: rows in blocks of the usual size, without a heavy key and
// where each block has some.
func BenchmarkHeavyKeys(b *testing.B) {
	for _, distinct := range []int{1_000_000, 30} {
		b.Run(fmt.Sprintf("distinct=%d", distinct), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			var keys column.Keys
			for range 1 << 20 {
				keys.Add(fmt.Appendf(nil, "key%d", r.IntN(distinct)))
			}
			order := column.SortKeys(&keys, nil, new(column.SortScratch))
			const perBlock = 12 << 10
			b.ReportAllocs()
			for b.Loop() {
				var h heavyKeys
				for from := 0; from < len(order); from += perBlock {
					h.block(&keys, order[from:min(from+perBlock, len(order))], blockBytes)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(keys.Len()), "ns/row")
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, inputs := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("inputs=%d", inputs), func(b *testing.B) {
			p := newPlace(b, 1<<30, 0, block.S2)
			typ := typeOf[int64](b)
			r := rand.New(rand.NewPCG(1, 1))
			var outs []plan.MapOutput
			for range inputs {
				w := NewSortWriter[int64](p.env(), 0, typ)
				for range 8 {
					keys, rows := benchChunk(r)
					if err := w.Write(keys, unsafe.Pointer(&rows[0]), 8, len(rows)); err != nil {
						b.Fatal(err)
					}
				}
				outs = append(outs, finish(b, w))
			}
			total := 0
			b.ReportAllocs()
			for b.Loop() {
				err := ReadSorted(b.Context(), p.env(), &plan.Partition{Outputs: outs}, typ, new(Count), func(m *Merge[int64]) error {
					for m.Next() {
						total++
					}
					return m.Err()
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/row")
		})
	}
}
