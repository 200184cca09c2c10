package sdk_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

type promiseArgs struct {
	Verb string // whose function gives other rows each time: Map, Reduce or none
}

// repeats is a job with two exchanges.
func repeats(say func(sdk.Dataset[int]) sdk.Dataset[int]) *sdk.Job[promiseArgs] {
	return sdk.Define("repeats", func(p *sdk.Pipeline, a promiseArgs) error {
		noise := func(verb string, n int) int {
			if verb == a.Verb {
				return n + rand.IntN(1<<30)
			}
			return n
		}
		var rows []int
		for i := range 1000 {
			rows = append(rows, i%100)
		}
		in := sdk.Map(sdk.Values(p, rows...), func(n int) int { return noise("Map", n) })
		counts := sdk.Map(sdk.Count(say(in)), func(c sdk.KV[int, int64]) int { return noise("Reduce", c.Key) })
		sdk.Return(sdk.Sort(counts), "rows")
		return nil
	})
}

func same(in sdk.Dataset[int]) sdk.Dataset[int] { return in }

// TestVerifyDeterminism lets all tasks do their work twice.
func TestVerifyDeterminism(t *testing.T) {
	for verb, want := range map[string]string{"none": "", "Map": "task 0/0", "Reduce": "task 1/0"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			res, err := sdk.Run(t.Context(), repeats(same), promiseArgs{verb}, sdk.Options{VerifyPerMillion: 1_000_000})
			if want == "" {
				rows, returned := sdk.Returned[int](res, "rows")
				if err != nil || returned != nil || len(rows) != 100 {
					t.Errorf("Run = %v, %d rows (%v), want 100", err, len(rows), returned)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), want+": ") || !strings.Contains(err.Error(), "… Map at ") || !strings.Contains(err.Error(), "promise_test.go:") ||
				!strings.Contains(err.Error(), "gave other rows when its work was done once more") {
				t.Errorf("Run = %v, want an error that names %s, its operator and its place", err, want)
			}
		})
	}
	if _, err := sdk.Run(t.Context(), repeats(same), promiseArgs{"Map"}); err != nil {
		t.Errorf("Run without the option = %v, want that nothing is compared", err)
	}
}

// TestVerifySumsOfFloats folds floats in so little memory that sums are put
// together in other pieces from run to run: that is nobody's fault.
func TestVerifySumsOfFloats(t *testing.T) {
	t.Parallel()
	const rows, keys = 200_000, 40_000
	prefix := strings.Repeat("prefix/", 40)
	job := sdk.Define("floats", func(p *sdk.Pipeline, _ struct{}) error {
		values := make([]int, rows)
		for i := range values {
			values[i] = i
		}
		parts := sdk.Map(sdk.Values(p, values...), func(n int) sdk.KV[string, float64] {
			return sdk.KV[string, float64]{Key: fmt.Sprint(prefix, n*7919%keys), Value: 1 / float64(n+3)}
		})
		sums := sdk.Reduce(parts, func(a, b float64) float64 { return a + b })
		sdk.Return(sdk.TopK(sdk.Map(sums, func(s sdk.KV[string, float64]) float64 { return s.Value }), keys), "sums")
		return nil
	})
	res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{VerifyPerMillion: 1_000_000, MemoryBytes: 8 << 20, Parallelism: 1})
	if err != nil || res.SpilledBytes == 0 {
		t.Errorf("Run = %+v, %v, want that it spills and blames nobody", res, err)
	}
}

func TestPromises(t *testing.T) {
	t.Parallel()
	say := func(in sdk.Dataset[int]) sdk.Dataset[int] { return sdk.Indeterminate(sdk.Deterministic(in)) }
	_, err := sdk.Run(t.Context(), repeats(say), promiseArgs{})
	const want = "Indeterminate of a dataset that is deterministic by "
	if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "promise_test.go:") != 2 {
		t.Errorf("Run = %v, want %q with both places", err, want)
	}
	for _, say := range []func(sdk.Dataset[int]) sdk.Dataset[int]{sdk.Deterministic[int], sdk.Indeterminate[int]} {
		if _, err := sdk.Run(t.Context(), repeats(say), promiseArgs{}); err != nil {
			t.Error(err)
		}
	}
}

// A sum over random samples can be right only if a lost sample is not replaced
// by another one for half of its readers.
func ExampleIndeterminate() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int64] {
		sampled := sdk.Map(sdk.Values(p, 1, 2, 3), func(n int) int { return n + rand.IntN(10) })
		counts := sdk.Count(sdk.Indeterminate(sampled))
		sums := sdk.Reduce(sdk.KeyBy(counts, func(sdk.KV[int, int64]) bool { return true }), func(a, b sdk.KV[int, int64]) sdk.KV[int, int64] {
			return sdk.KV[int, int64]{Value: a.Value + b.Value}
		})
		return sdk.Map(sums, func(s sdk.KV[bool, sdk.KV[int, int64]]) int64 { return s.Value.Value })
	})
	// Output: 3
}

// Whoever breaks the promise hears which task and which operator did.
func ExampleDeterministic() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		upper := sdk.Map(sdk.Values(p, "b", "a"), strings.ToUpper)
		return sdk.Map(sdk.Sort(sdk.Deterministic(upper)), func(s string) string { return fmt.Sprintf("<%s>", s) })
	})
	// Output:
	// <A>
	// <B>
}
