package sdk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
)

// draws is a job of two functions that draw, one right behind the other, and of one
// behind an exchange. With its argument they draw from a source that no attempt shares.
var draws = sdk.Define("draws", func(p *sdk.Pipeline, loose bool) error {
	draw := func(ctx *sdk.Context, n int) (int, error) {
		if loose {
			return n + int(time.Now().UnixNano()%1000), nil
		}
		return n*1000 + ctx.Rand().IntN(1000), nil
	}
	some := sdk.FilterErr(sdk.Values(p, make([]int, 5000)...), func(ctx *sdk.Context, n int) (bool, error) { return ctx.Rand().IntN(3) > 0, nil })
	once := sdk.Sort(sdk.MapErr(some, draw))
	sdk.Return(sdk.Sort(sdk.MapErr(once, draw)), "drawn")
	return nil
})

// TestRandRepeats lets every task do its work twice, which must give the same rows;
// with another source the job fails, so it is the source that the engine looks at.
func TestRandRepeats(t *testing.T) {
	o := sdk.Options{Tmp: []string{t.TempDir()}, Parallelism: 2, VerifyPerMillion: 1_000_000}
	res, err := sdk.Run(t.Context(), draws, false, o)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sdk.Returned[int](res, "drawn")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rows); n < 3000 || n > 3700 {
		t.Errorf("%d rows passed, want about two thirds of 5000", n)
	}
	seen := map[int]bool{}
	for _, n := range rows {
		seen[n] = true
	}
	if len(seen) < len(rows)/2 {
		t.Errorf("%d different rows of %d: functions draw the same numbers", len(seen), len(rows))
	}
	if _, err := sdk.Run(t.Context(), draws, true, o); err == nil || !strings.Contains(err.Error(), "other rows") {
		t.Errorf("Run with time.Now = %v, want that rows differ", err)
	}
}

// TestNow checks that a job has one time, and each run its own.
func TestNow(t *testing.T) {
	job := sdk.Define("now", func(p *sdk.Pipeline, _ struct{}) error {
		at := func(ctx *sdk.Context, n int) (time.Time, error) { return ctx.Now(), nil }
		first := sdk.MapErr(sdk.Values(p, 1, 2, 3), at)
		again := sdk.MapErr(sdk.Map(sdk.Distinct(first), func(time.Time) int { return 0 }), at)
		sdk.Return(sdk.Distinct(sdk.Union(first, again)), "times")
		return nil
	})
	var last time.Time
	for range 2 {
		before := time.Now()
		res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		times, err := sdk.Returned[time.Time](res, "times")
		if err != nil {
			t.Fatal(err)
		}
		if len(times) != 1 || times[0].Before(before) || times[0].After(time.Now()) || times[0].Equal(last) {
			t.Errorf("Now gave %v after %v and %v, want one time of the run", times, before, last)
		}
		last = times[0]
	}
}
