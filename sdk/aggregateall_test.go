package sdk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
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
		got, _, _, err := collected(t, randomOptions(t, r), func(p *Pipeline) Dataset[string] {
			return AggregateAll(Union(Values(p, in...), Filter(Values(p, in...), func(string) bool { return false })), longest)
		})
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("seed %d: AggregateAll of %d rows = %q, %v, want [%q]", seed, len(in), got, err, want)
		}
	}
}
