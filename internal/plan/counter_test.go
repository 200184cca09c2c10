package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestCheckCounters(t *testing.T) {
	var many []string
	for i := range plan.MaxCounters {
		many = append(many, fmt.Sprint("c", i))
	}
	for name, tc := range map[string]struct {
		names []string
		want  string // in the error; empty for none
	}{
		"none":           {nil, ""},
		"usual":          {[]string{"rows.invalid", "größer als 3 m"}, ""},
		"most":           {many, ""},
		"too many":       {append(slices.Clone(many), "x"), "65 counters, at most 64"},
		"longest":        {[]string{strings.Repeat("x", plan.MaxCounterNameBytes)}, ""},
		"too long":       {[]string{strings.Repeat("x", plan.MaxCounterNameBytes+1)}, "has 101 bytes, at most 100"},
		"empty":          {[]string{"a", ""}, "counter 1 has no name"},
		"twice":          {[]string{"a", "b", "a"}, `two counters "a"`},
		"control":        {[]string{"a\x1b[2J"}, "no printable text"},
		"not UTF-8":      {[]string{"a\xff"}, "no printable text"},
		"line separator": {[]string{"a\u2028"}, "no printable text"},
	} {
		err := plan.CheckCounters(tc.names)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: CheckCounters = %v, want %q", name, err, tc.want)
		}
	}
}

func TestCounted(t *testing.T) {
	names := []string{"a", "b"}
	for _, tc := range []struct {
		sums []int64
		want []plan.Counter
	}{
		{nil, []plan.Counter{{Name: "a"}, {Name: "b"}}},
		{[]int64{1, -2}, []plan.Counter{{Name: "a", Value: 1}, {Name: "b", Value: -2}}},
		{[]int64{1, 2, 3}, []plan.Counter{{Name: "a", Value: 1}, {Name: "b", Value: 2}}},
	} {
		if got := plan.Counted(names, tc.sums); !slices.Equal(got, tc.want) {
			t.Errorf("Counted(%v) = %v, want %v", tc.sums, got, tc.want)
		}
	}
	if got := plan.Counted(nil, []int64{1}); got != nil {
		t.Errorf("Counted(no names) = %v, want nothing", got)
	}
}
