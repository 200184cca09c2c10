package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// firstsModel is what is left of rows whose groups are the first bytes of their keys.
func firstsModel(rows []keyed, n int) []keyed {
	sorted := sortModel([][]keyed{rows}, nil, nil)
	seen := map[byte]int{}
	return slices.DeleteFunc(sorted, func(row keyed) bool {
		seen[row.key[0]]++
		return seen[row.key[0]] > n
	})
}

// TestKeepFirst holds that an output has the first rows of every group and no others,
// with one row digest, however much memory there was and whatever rows were large.
func TestKeepFirst(t *testing.T) {
	for seed := range seeds() / 2 {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 5))
			var id int64
			rows := randomRows(r, pick(r, kindNames()...), r.IntN(700), pick(r, 0, 20, 900), &id)
			groups := 1 + r.IntN(30)
			for i := range rows {
				rows[i].key = append([]byte{byte(r.IntN(groups))}, rows[i].key...)
			}
			n := pick(r, 1, 2, 7, 40)
			want := firstsModel(rows, n)
			var sum, xor uint64
			for i, budget := range []int64{64 << 20, 100 << 10, 4 << 10, 0} {
				p := newPlace(t, budget, 0, block.S2)
				p.large = pick(r, int64(0), 60, 400)
				w := NewSortWriter[item](p.env(), 3, typeOf[item](t))
				w.KeepTogether(func([]byte) int { return 1 })
				w.KeepFirst(int64(n))
				writeAll(t, r, w, rows)
				out := finish(t, w)
				what := fmt.Sprintf("first %d of %d groups, budget %d, large from %d", n, groups, budget, p.large)
				if out.Rows != int64(len(want)) {
					t.Errorf("%s: %d rows move, want %d", what, out.Rows, len(want))
				}
				compare(t, what, readSorted(t, p.env(), &plan.Partition{Outputs: []plan.MapOutput{out}}), want)
				s, x, _ := digests(t, p, out)
				if i == 0 {
					sum, xor = s, x
				}
				if s != sum || x != xor {
					t.Errorf("%s: the row digest differs from that of another budget", what)
				}
			}
		})
	}
}

// TestKeepFirstOfLongGroups holds that rows whose groups are long all stay.
func TestKeepFirstOfLongGroups(t *testing.T) {
	for _, long := range []int{longestGroup, longestGroup + 1} {
		p := newPlace(t, 1<<20, 0, block.S2)
		w := NewSortWriter[item](p.env(), 0, typeOf[item](t))
		w.KeepTogether(func(key []byte) int { return len(key) })
		w.KeepFirst(2)
		var rows []keyed
		for i := range int64(5) {
			rows = append(rows, keyed{bytes.Repeat([]byte{'k'}, long), item{ID: i}})
		}
		writeAll(t, rand.New(rand.NewPCG(1, 1)), w, rows)
		want := int64(2)
		if long > longestGroup {
			want = 5
		}
		if out := finish(t, w); out.Rows != want {
			t.Errorf("%d rows of a group of %d bytes move, want %d", out.Rows, long, want)
		}
	}
}
