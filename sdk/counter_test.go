package sdk_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// countRows is a job whose counter has a name of its own.
var countRows = sdk.Define("countRows", func(p *sdk.Pipeline, name string) error {
	rows, never := sdk.NewCounter(p, name), sdk.NewCounter(p, "never")
	again := sdk.NewCounter(p, name)
	sdk.Return(sdk.MapErr(sdk.Values(p, 1, 2, 3), func(ctx *sdk.Context, n int) (int, error) {
		if n > 2 {
			never.Add(ctx, 0)
		}
		rows.Add(ctx, 1)
		again.Add(ctx, 1)
		return n, nil
	}), "rows")
	return nil
})

// TestDriverCounts checks that a driver counts what its jobs count, by name.
func TestDriverCounts(t *testing.T) {
	driver := sdk.Drive("counts", func(s *sdk.Session, _ struct{}) error {
		for _, name := range []string{"a", "b", "a"} {
			res, err := sdk.RunIn(s, countRows, name)
			if err != nil {
				return err
			}
			if want := map[string]int64{name: 6, "never": 0}; !maps.Equal(res.Counters, want) {
				t.Errorf("RunIn counted %v, want %v", res.Counters, want)
			}
		}
		return nil
	}, countRows)
	res, err := sdk.RunDriver(t.Context(), driver, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int64{"a": 12, "b": 6, "never": 0}; !maps.Equal(res.Counters, want) {
		t.Errorf("RunDriver counted %v, want %v", res.Counters, want)
	}
}

// TestBadCounters checks that a name that cannot be shown is refused with the
// user's line.
func TestBadCounters(t *testing.T) {
	for want, names := range map[string][]string{
		"has no name":             {""},
		"no printable text":       {"a\nb"},
		"101 bytes, at most 100":  {strings.Repeat("x", 101)},
		"65 counters, at most 64": manyNames(65),
		"":                        manyNames(64),
	} {
		job := sdk.Define("bad", func(p *sdk.Pipeline, _ struct{}) error {
			for _, name := range names {
				sdk.NewCounter(p, name)
			}
			sdk.Return(sdk.Values(p, 1), "rows")
			return nil
		})
		_, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
		switch {
		case want == "" && err == nil:
		case want == "" || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "counter_test.go:"):
			t.Errorf("Run with %d counters = %v, want %q and the line", len(names), err, want)
		}
	}
}

func manyNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("counter ", i))
	}
	return names
}

// BenchmarkCounter measures what counting costs a row.
func BenchmarkCounter(b *testing.B) {
	const rows = 1 << 20
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprintf("counted=%v", counted), func(b *testing.B) {
			job := sdk.Define("bench", func(p *sdk.Pipeline, _ struct{}) error {
				seen := sdk.NewCounter(p, "seen")
				in, err := readNumbered(p, rows*numberBytes, numberBytes)
				kept := sdk.FilterErr(in, func(ctx *sdk.Context, row string) (bool, error) {
					if counted {
						seen.Add(ctx, 1)
					}
					return false, nil
				})
				sdk.Collect(kept, func([]string) error { return nil })
				return err
			})
			for b.Loop() {
				if _, err := sdk.Run(b.Context(), job, struct{}{}, sdk.Options{Parallelism: 2, Tmp: []string{b.TempDir()}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
