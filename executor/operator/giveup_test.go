package operator

import (
	"fmt"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestCombinerGivesUp counts keys that hardly repeat, then keys that do: the
// table stays small for the ones and grows for the others, and no row is lost.
func TestCombinerGivesUp(t *testing.T) {
	keys := make([]string, 2*manyGroups)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
	}
	tests := []struct {
		name string
		rows func(i int) string
		// least and most bound the groups in the table once it was looked at.
		least, most int
	}{
		{"all different", func(i int) string { return keys[i%len(keys)] }, 0, fewGroups + 1023},
		{"every tenth again", func(i int) string { return keys[(i-i%10/9)%len(keys)] }, manyGroups, len(keys)},
		{"few", func(i int) string { return keys[i%1000] }, 1000, 1000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, 1<<30)
			x := Aggregate(counting(t))
			task := s.task(t.Context())
			c := x.Map(task, plan.Exchange{Buckets: 4}).(*combiner[string, int64])
			chunk := make([]string, 1024)
			most := 0
			for i := 0; i < len(keys); i += len(chunk) {
				for j := range chunk {
					chunk[j] = test.rows(i + j)
				}
				if err := c.Push(chunk); err != nil {
					t.Fatalf("Push = %v", err)
				}
				if i >= 3*manyGroups/2 {
					most = max(most, c.groups.table.Len())
				}
			}
			if most < test.least || most > test.most {
				t.Errorf("after %d rows the table has up to %d groups, want %d to %d", 3*manyGroups/2, most, test.least, test.most)
			}
			if err := c.Close(); err != nil {
				t.Fatalf("Close = %v", err)
			}
			want := map[string]int64{}
			for i := range keys {
				want[test.rows(i)]++
			}
			checkCounts(t, s, x, task.Result.Outputs, want)
		})
	}
}

// checkCounts runs the reduce side over outs and compares what it gives.
func checkCounts(t *testing.T, s *site, x *Exchange, outs []plan.MapOutput, want map[string]int64) {
	t.Helper()
	task := s.task(t.Context())
	task.Assignment.Partition = &plan.Partition{EndBucket: 4, Outputs: outs}
	out := &sink[KV[string, int64]]{}
	if err := x.Reduce(task, out); err != nil {
		t.Fatalf("Reduce = %v", err)
	}
	if len(out.rows) != len(want) {
		t.Errorf("%d keys come, want %d", len(out.rows), len(want))
	}
	for _, r := range out.rows {
		if r.Value != want[r.Key] {
			t.Fatalf("count of %q = %d, want %d", r.Key, r.Value, want[r.Key])
		}
	}
}
