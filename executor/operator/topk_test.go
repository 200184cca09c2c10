package operator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

type scored struct {
	Name  string
	Score int64
}

// TestTopK compares with a stable sort: of equal rows those of earlier tasks
// and positions come first.
func TestTopK(t *testing.T) {
	tests := []struct {
		k, inputs, rows int
		scores          int64
		descending      bool
	}{
		{1, 1, 0, 5, false}, {1, 3, 100, 1, false}, {3, 2, 2, 5, false}, {10, 4, 1000, 7, true},
		{10, 4, 1000, 7, false}, {200, 3, 150, 1000, true}, {200, 3, 5000, 2, false}, {1000, 2, 400, 3, true},
	}
	for _, c := range tests {
		t.Run(fmt.Sprintf("%d of %d times %d", c.k, c.inputs, c.rows), func(t *testing.T) {
			s := newSite(t, 1<<20)
			r := rand.New(rand.NewPCG(1, uint64(c.k)))
			var inputs [][]scored
			var want []scored
			for i := range c.inputs {
				var rows []scored
				for j := range c.rows {
					rows = append(rows, scored{fmt.Sprintf("row %d of %d", j, i), r.Int64N(c.scores)})
				}
				inputs, want = append(inputs, rows), append(want, rows...)
			}
			term := By(keyOf[int64](t), func(s scored) int64 { return s.Score })
			sign := 1
			if c.descending {
				term, sign = term.Descending(), -1
			}
			slices.SortStableFunc(want, func(a, b scored) int { return sign * cmp.Compare(a.Score, b.Score) })
			want = want[:min(len(want), c.k)]
			got := shuffled[scored, scored](s, TopK(typeOf[scored](t), edgeOf[scored](t), c.k, Order[scored]{term}), 1, whole(1), inputs...)
			if !slices.Equal(got, want) {
				t.Errorf("TopK(%d) = %v, want %v", c.k, got, want)
			}
		})
	}
}

// TestTopKHolds checks that the rows kept own their strings and stand in the
// books: a budget cannot refuse them, but others must know.
func TestTopKHolds(t *testing.T) {
	s := newSite(t, 1<<10)
	task := s.task(t.Context())
	term := By(keyOf[int64](t), func(s scored) int64 { return s.Score })
	top := newTop[scored](task, 100, typeOf[scored](t))
	order := newOrderer(Order[scored]{term})
	for i := range int64(1000) {
		rows := []scored{{fmt.Sprintf("%0100d", i), 1000 - i}}
		top.add(order.keysOf(rows), rows)
	}
	if held := s.budget.Used(); held < 100*100 || held > 100*1000 {
		t.Errorf("budget.Used() = %d with 100 rows of 100 bytes, want about that", held)
	}
	top.release()
}
