package local

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkSmallJob runs a job of a few rows whole: what every job pays.
func BenchmarkSmallJob(b *testing.B) {
	h := newHome(b)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		dest := h.dest(fmt.Sprint(i))
		i++
		if _, err := Run(b.Context(), work{rows: 100, splitRows: 100, dest: []string{dest}}.compile(b), h.options()); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(dest); err != nil {
			b.Fatal(err)
		}
	}
}
