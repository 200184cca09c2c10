package agg_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
)

// Enough keys that their states pass the budget of a job.
const jobKeys, jobRows, jobBudget = 10_000, 20_000, 512 << 10

func jobValue(i int) float64 { return float64(i*7919%jobRows) / 8 }

// inJob aggregates jobRows values by key in a job that has to spill, and over
// the whole dataset, and compares with states of their own.
func inJob[A, R any](t *testing.T, name string, a sdk.Aggregator[float64, A, R]) {
	t.Run(name, func(t *testing.T) {
		var got []sdk.KV[int64, R]
		var all []R
		job := sdk.Define("aggregate", func(p *sdk.Pipeline, _ struct{}) error {
			in := make([]int64, jobRows)
			for i := range in {
				in[i] = int64(i)
			}
			rows := sdk.Values(p, in...)
			pairs := sdk.Map(rows, func(i int64) sdk.KV[int64, float64] {
				return sdk.KV[int64, float64]{Key: i % jobKeys, Value: jobValue(int(i))}
			})
			sdk.Collect(sdk.Aggregate(pairs, a), func(rows []sdk.KV[int64, R]) error {
				got = rows
				return nil
			})
			sdk.Collect(sdk.AggregateAll(sdk.Map(rows, func(i int64) float64 { return jobValue(int(i)) }), a), func(rows []R) error {
				all = rows
				return nil
			})
			return nil
		})
		res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}, MemoryBytes: jobBudget, Parallelism: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("spilled %d bytes", res.SpilledBytes)
		values := make([][]float64, jobKeys)
		var every []float64
		for i := range jobRows {
			values[i%jobKeys] = append(values[i%jobKeys], jobValue(i))
			every = append(every, jobValue(i))
		}
		if len(got) != jobKeys || len(all) != 1 {
			t.Fatalf("%d keys and %d rows of all, want %d and 1", len(got), len(all), jobKeys)
		}
		for _, kv := range got {
			if got, want := fmt.Sprint(kv.Value), fmt.Sprint(fold(a, values[kv.Key])); got != want {
				t.Fatalf("key %d: %s, want %s", kv.Key, got, want)
			}
		}
		if got, want := fmt.Sprint(all[0]), fmt.Sprint(fold(a, every)); got != want {
			t.Errorf("all: %s, want %s", got, want)
		}
		if res.SpilledBytes == 0 {
			t.Errorf("the job did not spill")
		}
	})
}

// TestInJobs runs a job over each aggregator, with a budget that makes it spill.
func TestInJobs(t *testing.T) {
	itself := func(v float64) float64 { return v }
	inJob(t, "Count", agg.Count[float64]())
	inJob(t, "Sum", agg.On(func(v float64) int64 { return int64(v) }, agg.Sum[int64]()))
	inJob(t, "SumFloat", agg.SumFloat[float64]())
	inJob(t, "SumFloatFast", agg.SumFloatFast[float64]()) // eighths, whose sums are exact
	inJob(t, "Mean", agg.Mean[float64]())
	inJob(t, "StdDev", agg.StdDev[float64]())
	inJob(t, "Min", agg.Min[float64]())
	inJob(t, "Max", agg.Max[float64]())
	inJob(t, "ArgMin", agg.ArgMin(itself))
	inJob(t, "Last", agg.Last(compareFloats))
	inJob(t, "CollectList", agg.CollectList[float64](100))
	inJob(t, "CollectSet", agg.CollectSet[float64](100))
	inJob(t, "CountDistinct", agg.CountDistinct[float64](jobRows))
	inJob(t, "CountDistinctApprox", agg.CountDistinctApprox[float64](12))
	inJob(t, "Quantiles", agg.Quantiles[float64](0.01, 0.1, 0.5, 0.9))
	inJob(t, "HeavyHitters", agg.If(func(v float64) bool { return v < 100 }, agg.HeavyHitters[float64](1000)))
	inJob(t, "Histogram", agg.Histogram[float64](10, 100, 1000))
	inJob(t, "Triple", agg.Triple(agg.StdDev[float64](), agg.Quantiles[float64](0.05, 0.5), agg.CountDistinctApprox[float64](10)))
}

// TestGivingUpEndsTheJob holds that a limit ends the job at once, with a message
// that says what to do.
func TestGivingUpEndsTheJob(t *testing.T) {
	job := sdk.Define("distinct", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(sdk.AggregateAll(sdk.Values(p, 1, 2, 3), agg.CountDistinct[int](2)), func([]int64) error { return nil })
		return nil
	})
	_, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "more than 2 distinct values") || strings.Contains(err.Error(), "panic") {
		t.Errorf("Run = %v, want that there are more than 2 distinct values", err)
	}
	bad := sdk.Define("bad", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(sdk.AggregateAll(sdk.Values(p, 1), agg.CountDistinct[int](0)), func([]int64) error { return nil })
		return nil
	})
	if _, err := sdk.Run(t.Context(), bad, struct{}{}); err == nil || !strings.Contains(err.Error(), "AggregateAll: agg.CountDistinct: the limit is 0") || !strings.Contains(err.Error(), "job_test.go:") {
		t.Errorf("Run = %v, want it to name the limit and the place", err)
	}
}
