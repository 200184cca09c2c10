package operator

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// BenchmarkCombiner counts words that are as frequent as those of a text: the
// word of rank n comes with a probability of about 1/n.
func BenchmarkCombiner(b *testing.B) {
	s := newSite(b, 256<<20)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 1, 100_000)
	chunks := make([][]string, 256)
	for i := range chunks {
		for range 1024 {
			chunks[i] = append(chunks[i], fmt.Sprintf("word%d", zipf.Uint64()))
		}
	}
	x := Aggregate(counting(b))
	b.ReportAllocs()
	for b.Loop() {
		t := s.task(b.Context())
		to := x.Map(t, plan.Exchange{Buckets: 256}).(Receiver[string])
		for _, rows := range chunks {
			if err := to.Push(rows); err != nil {
				b.Fatal(err)
			}
		}
		if err := to.Close(); err != nil {
			b.Fatal(err)
		}
		if err := s.store.DropAttempt(t.Shuffle.Attempt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(chunks)*1024), "ns/row")
}
