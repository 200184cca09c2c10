package sdk_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// allocsOf returns how often a whole job over rows allocates.
func allocsOf[T any](t *testing.T, rows []T, build func(in sdk.Dataset[T])) uint64 {
	t.Helper()
	job := sdk.Define("allocs", func(p *sdk.Pipeline, _ struct{}) error {
		build(sdk.Values(p, rows...))
		return nil
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Parallelism: 1, MemoryBytes: 512 << 20, Tmp: []string{t.TempDir()}}); err != nil {
		t.Fatalf("Run: %v", err)
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// TestNoAllocationPerRow holds the row paths to no allocation a row: what a job
// over twice the rows allocates more is what batches and blocks cost.
func TestNoAllocationPerRow(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: allocations are not counted: the race detector allocates on its own account")
	}
	const rows = 100_000 // as many tasks for these as for twice as many
	limit := 0.01        // a row: some forty a batch
	lines := make([]string, 2*rows)
	for i := range lines {
		lines[i] = fmt.Sprintf("the quick word%d jumps  over", i%500)
	}
	discard := func(ds sdk.Dataset[sdk.KV[string, int64]]) {
		sdk.Collect(ds, func([]sdk.KV[string, int64]) error { return nil })
	}
	tests := []struct {
		name    string
		perLine float64 // rows that the path handles for each line
		build   func(in sdk.Dataset[string])
	}{
		{"Map", 1, func(in sdk.Dataset[string]) {
			discard(sdk.Count(sdk.Map(in, func(s string) string { return s[:3] })))
		}},
		{"MapErr", 1, func(in sdk.Dataset[string]) {
			discard(sdk.Count(sdk.MapErr(in, func(_ *sdk.Context, s string) (string, error) { return s[:3], nil })))
		}},
		{"Filter", 1, func(in sdk.Dataset[string]) {
			discard(sdk.Count(sdk.Filter(in, func(s string) bool { return strings.Contains(s, "word1") })))
		}},
		{"Count", 1, func(in sdk.Dataset[string]) { discard(sdk.Count(in)) }},
		{"FlatMap and Words", 5, func(in sdk.Dataset[string]) {
			discard(sdk.Count(sdk.FlatMap(in, func(line string, emit sdk.Emit[string]) {
				for w := range sdk.Words(line) {
					emit(w)
				}
			})))
		}},
		{"Reduce", 1, func(in sdk.Dataset[string]) {
			pairs := sdk.Map(in, func(s string) sdk.KV[string, int64] { return sdk.KV[string, int64]{Key: s[4:9], Value: 1} })
			discard(sdk.Reduce(pairs, func(a, b int64) int64 { return a + b }))
		}},
		// A line goes through KeyBy, Filter, its side, the sort and the join.
		{"Join", 5, func(in sdk.Dataset[string]) {
			byLine := sdk.KeyBy(in, func(s string) string { return s })
			some := sdk.Filter(byLine, func(kv sdk.KV[string, string]) bool { return strings.Contains(kv.Key, "word7") })
			discard(sdk.Count(sdk.Join(byLine, sdk.Distinct(some), func(_, l, _ string) string { return l })))
		}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			allocsOf(t, lines[:1000], c.build) // pools and lazy tables
			once, twice := allocsOf(t, lines[:rows], c.build), allocsOf(t, lines, c.build)
			if perRow := (float64(twice) - float64(once)) / (rows * c.perLine); perRow >= limit {
				t.Errorf("%d allocations for %d lines, %d for %d: %.4f a row, want below %v", once, rows, twice, len(lines), perRow, limit)
			} else {
				t.Logf("%.4f allocations a row", perRow)
			}
		})
	}
}
