package sdk_test

import (
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
)

const (
	windowRows  = 40_000
	windowBytes = 1000 // of a row: all rows of the key are more than the memory of a task
)

// oneKey gives rows of one key, which are numbers as texts.
func oneKey(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, string]] {
	return sdk.Map(texts(p, windowRows, windowBytes), func(row sdk.KV[int, string]) sdk.KV[string, string] {
		return sdk.KV[string, string]{Key: "key", Value: row.Value}
	})
}

func runSmall[T any](t *testing.T, build func(p *sdk.Pipeline) sdk.Dataset[T]) (*sdk.Result, error) {
	job := sdk.Define("small", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Return(build(p), "rows")
		return nil
	})
	return sdk.Run(t.Context(), job, struct{}{}, sdk.Options{MemoryBytes: 16 << 20, Parallelism: 1, Tmp: []string{t.TempDir()}})
}

// TestWindowTooLarge holds that a window which the memory of a task does not hold
// is refused by the name of its verb, with what it takes and what to do.
func TestWindowTooLarge(t *testing.T) {
	t.Parallel()
	text := sdk.By(func(row string) string { return row })
	count := sdk.Aggregator[string, int64, int64]{
		Add: func(n *int64, _ string) { *n++ }, Merge: func(n *int64, other int64) { *n += other }, Finish: func(n int64) int64 { return n },
	}
	for verb, build := range map[string]func(p *sdk.Pipeline) sdk.Dataset[int64]{
		"Lag": func(p *sdk.Pipeline) sdk.Dataset[int64] {
			return sdk.Map(sdk.Lag(oneKey(p), windowRows, text), func(sdk.KV[string, sdk.Lagged[string]]) int64 { return 0 })
		},
		"Lead": func(p *sdk.Pipeline) sdk.Dataset[int64] {
			return sdk.Map(sdk.Lead(oneKey(p), windowRows, text), func(sdk.KV[string, sdk.Led[string]]) int64 { return 0 })
		},
		"MovingAggregate": func(p *sdk.Pipeline) sdk.Dataset[int64] {
			return sdk.Map(sdk.MovingAggregate(oneKey(p), windowRows, count, text), func(row sdk.KV[string, sdk.Running[string, int64]]) int64 { return row.Value.Result })
		},
	} {
		_, err := runSmall(t, build)
		for _, want := range []string{verb + ": ", "rows of a key take", "let it look at fewer rows"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s over %d rows of %d bytes = %v, want %q in it", verb, windowRows, windowBytes, err, want)
			}
		}
	}
}

// TestLargeSession streams a session and a rank of a key with more rows than memory holds.
func TestLargeSession(t *testing.T) {
	t.Parallel()
	res, err := runSmall(t, func(p *sdk.Pipeline) sdk.Dataset[int] {
		noon := func(string) time.Time { return time.Unix(1_800_000_000, 0) }
		return sdk.GroupSessions(oneKey(p), noon, time.Second, func(_ string, _ time.Time, rows iter.Seq[string], emit sdk.Emit[int]) {
			n := 0
			for range rows {
				n++
			}
			emit(n)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := sdk.Returned[int](res, "rows")
	if err != nil || len(got) != 1 || got[0] != windowRows {
		t.Errorf("sessions have %d rows (%v), want one of %d", got, err, windowRows)
	}
	res, err = runSmall(t, func(p *sdk.Pipeline) sdk.Dataset[int64] {
		ranks := sdk.Rank(oneKey(p), sdk.By(func(row string) string { return row }).Descending())
		return sdk.AggregateAll(sdk.Filter(ranks, func(row sdk.KV[string, sdk.Ranked[string]]) bool {
			return row.Value.Rank == row.Value.Number && row.Value.Dense == row.Value.Number
		}), sdk.Aggregator[sdk.KV[string, sdk.Ranked[string]], int64, int64]{
			Add: func(n *int64, _ sdk.KV[string, sdk.Ranked[string]]) { *n++ }, Merge: func(n *int64, other int64) { *n += other }, Finish: func(n int64) int64 { return n },
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sdk.Returned[int64](res, "rows"); err != nil || len(got) != 1 || got[0] != windowRows {
		t.Errorf("%d rows rank by their number (%v), want all %d", got, err, windowRows)
	}
}
