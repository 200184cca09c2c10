package plan_test

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestBadLimit(t *testing.T) {
	for _, tc := range []struct {
		limit     plan.BadLimit
		bad, rows int64
		want      bool
	}{
		{plan.BadLimit{Rows: 3}, 3, -1, true},
		{plan.BadLimit{Rows: 3}, 4, -1, false},
		{plan.BadLimit{PerMillion: 500_000}, 1 << 60, -1, true},
		{plan.BadLimit{PerMillion: 500_000}, 5, 10, true},
		{plan.BadLimit{PerMillion: 500_000}, 6, 10, false},
		{plan.BadLimit{PerMillion: 1}, 1, 1_000_000, true},
		{plan.BadLimit{PerMillion: 1}, 1, 999_999, false},
		{plan.BadLimit{PerMillion: 1}, 0, 0, true},
		{plan.BadLimit{PerMillion: plan.Million}, 1 << 61, 1 << 61, true},
		{plan.BadLimit{Rows: 3, PerMillion: plan.Million}, 4, 4, false},
		{plan.BadLimit{Rows: 9, PerMillion: 1}, 4, 4, false},
	} {
		if got := tc.limit.Allows(tc.bad, tc.rows); got != tc.want {
			t.Errorf("%+v.Allows(%d, %d) = %v, want %v", tc.limit, tc.bad, tc.rows, got, tc.want)
		}
	}
	for limit, want := range map[plan.BadLimit]bool{
		{}: false, {Rows: 1}: true, {PerMillion: 1}: true, {Rows: -1, PerMillion: 1}: false, {PerMillion: plan.Million + 1}: false,
	} {
		if got := limit.Valid(); got != want {
			t.Errorf("%+v.Valid() = %v, want %v", limit, got, want)
		}
	}
}

func TestTooMany(t *testing.T) {
	first := []plan.BadRow{{Place: "a, offset 1", Problem: "p"}, {Place: "b, offset 2", Problem: "q"}, {Place: "c", Problem: "r"}, {Place: "d", Problem: "s"}}
	for want, got := range map[string]error{
		"4 rows are bad, more than the 3 that MaxBadRows allows; the first: a, offset 1: p; b, offset 2: q; c: r": (&plan.BadLimit{Rows: 3}).TooMany(4, -1, first),
		"4 rows are bad of 40, more than the part of 0.001 that MaxBadFraction allows; the first: a, offset 1: p": (&plan.BadLimit{PerMillion: 1000}).TooMany(4, 40, first[:1]),
	} {
		if got.Error() != want {
			t.Errorf("TooMany = %q, want %q", got, want)
		}
	}
	if sink, ok := (&plan.Plan{BadLimit: &plan.BadLimit{Rows: 1}, Sinks: []plan.Sink{{}, {ID: 1, Destination: "x"}}}).QuarantineSink(); sink != 1 || !ok {
		t.Errorf("QuarantineSink = %d, %v, want 1", sink, ok)
	}
	if _, ok := (&plan.Plan{Sinks: []plan.Sink{{Destination: "x"}}}).QuarantineSink(); ok {
		t.Error("QuarantineSink of a job without limit, want none")
	}
}
