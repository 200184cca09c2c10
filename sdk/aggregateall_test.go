package sdk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/executor/local"
)

// TestAggregateAll compares with a loop, under random settings, with no rows
// and with rows of several inputs.
func TestAggregateAll(t *testing.T) {
	longest := Aggregator[string, []string, string]{
		Init:   func() []string { return []string{"none", ""} },
		Add:    func(s *[]string, v string) { (*s)[1] = max((*s)[1], v) },
		Merge:  func(s *[]string, o []string) { (*s)[1] = max((*s)[1], o[1]) },
		Finish: func(s []string) string { return s[1] },
	}
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 0))
		in := make([]string, []int{0, 1, 1000, 20_000}[r.IntN(4)])
		for i := range in {
			in[i] = fmt.Sprint(r.IntN(1_000_000))
		}
		want := ""
		if len(in) > 0 {
			want = slices.Max(in)
		}
		var got []string
		job := Define("all", func(p *Pipeline, _ struct{}) error {
			d := Union(Values(p, in...), Filter(Values(p, in...), func(string) bool { return false }))
			Collect(AggregateAll(d, longest), func(rows []string) error {
				got = rows
				return nil
			})
			return nil
		})
		c, err := job.compile(struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := local.Run(t.Context(), c.Compiled, randomOptions(t, r))
		if err == nil {
			err = handCollected(c.Compiled, report.Rows)
		}
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("seed %d: AggregateAll of %d rows = %q, %v, want [%q]", seed, len(in), got, err, want)
		}
	}
}
