package sheaftest_test

import (
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func addInts(s *int64, v int64) { *s += v }

func mergeInts(s *int64, o int64) { *s += o }

func itself(s int64) int64 { return s }

type hidden struct {
	Sum   int64
	Count int64 `sheaf:"-"`
}

// TestCheckAggregator checks that sound aggregators pass, and that each way to
// be wrong is found and shown by an example as small as there is.
func TestCheckAggregator(t *testing.T) {
	values := make([]int64, 60)
	for i := range values {
		values[i] = int64(i % 7)
	}
	type lists = sdk.Aggregator[int64, []int64, []int64]
	appended := lists{
		Add:    func(s *[]int64, v int64) { *s = append(*s, v) },
		Merge:  func(s *[]int64, o []int64) { *s = append(*s, o...) },
		Finish: func(s []int64) []int64 { return s },
	}
	greedy := lists{
		Add: appended.Add, Finish: func([]int64) []int64 { return nil },
		Merge: func(_ *[]int64, o []int64) {
			if len(o) > 2 {
				o[0] = -1
			}
		},
	}
	tests := []struct {
		name string
		test func(t testing.TB)
		want []string
	}{
		{"sum", func(t testing.TB) {
			sheaftest.CheckAggregator(t, sdk.Aggregator[int64, int64, int64]{Add: addInts, Merge: mergeInts, Finish: itself}, values)
		}, nil},
		{"any order will do", func(t testing.TB) {
			sheaftest.CheckAggregatorFunc(t, appended, values, func(a, b []int64) bool { return len(a) == len(b) })
		}, nil},
		{"Merge that forgets", func(t testing.TB) {
			sheaftest.CheckAggregator(t, sdk.Aggregator[int64, int64, int64]{Add: addInts, Merge: func(*int64, int64) {}, Finish: itself}, values)
		}, []string{"SHEAFTEST_SEED=", "in one state gives ", "([] + ["}},
		{"Init that counts", func(t testing.TB) {
			sheaftest.CheckAggregator(t, sdk.Aggregator[int64, int64, int64]{Init: func() int64 { return 1 }, Add: addInts, Merge: mergeInts, Finish: itself}, values)
		}, []string{"[] in one state gives 1, but ([] + []) gives 2"}},
		{"order of values", func(t testing.TB) { sheaftest.CheckAggregator(t, appended, values) }, []string{"in one state gives ["}},
		{"Merge that changes what it reads", func(t testing.TB) { sheaftest.CheckAggregator(t, greedy, values) }, []string{"Merge changes its second argument in ([] + ["}},
		{"state that is not stored", func(t testing.TB) {
			sheaftest.CheckAggregator(t, sdk.Aggregator[int64, hidden, int64]{
				Add:    func(s *hidden, v int64) { s.Count++ },
				Merge:  func(s *hidden, o hidden) { s.Count += o.Count },
				Finish: func(s hidden) int64 { return s.Count },
			}, values)
		}, []string{"in one state gives 1, but", "gives 0"}},
		{"no row", func(t testing.TB) {
			sheaftest.CheckAggregator(t, sdk.Aggregator[int64, map[int64]bool, int64]{
				Add: func(*map[int64]bool, int64) {}, Merge: func(*map[int64]bool, map[int64]bool) {}, Finish: func(map[int64]bool) int64 { return 0 },
			}, values)
		}, []string{"must be rows", "map"}},
		{"no Add", func(t testing.TB) { sheaftest.CheckAggregator(t, sdk.Aggregator[int64, int64, int64]{}, values) }, []string{"lacks Add"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := fatal(t, test.test)
			if len(test.want) == 0 && got != "" {
				t.Errorf("the test ended with %q, want it to go through", got)
			}
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the test ended with %q, want it to say %q", got, want)
				}
			}
			if strings.Count(got, " ") > 40 {
				t.Errorf("the example is large: %q", got)
			}
		})
	}
}
