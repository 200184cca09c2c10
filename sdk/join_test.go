package sdk_test

import (
	"iter"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// TestSidesOutOfOrder ranges over a side after a later one, by itself and in a loop
// over the first: a stream cannot go back, and silence would be a wrong result.
func TestSidesOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, fn := range map[string]func(names, products iter.Seq[string], emit sdk.Emit[string]){
		"names inside": func(names, products iter.Seq[string], emit sdk.Emit[string]) {
			for product := range products {
				for name := range names {
					emit(name + product)
				}
			}
		},
		"products inside": func(names, products iter.Seq[string], emit sdk.Emit[string]) {
			for name := range names {
				for product := range products {
					emit(name + product)
				}
			}
		},
	} {
		job := sdk.Define("back", func(p *sdk.Pipeline, _ struct{}) error {
			twice := sdk.Union(buyers(p), buyers(p))
			sdk.Return(sdk.CoGroup(twice, baskets(p), func(_ int, names, products iter.Seq[string], emit sdk.Emit[string]) { fn(names, products, emit) }), "rows")
			return nil
		})
		_, err := sdk.Run(t.Context(), job, struct{}{})
		if err == nil || !strings.Contains(err.Error(), "of CoGroup: the function ranges over dataset 1 after dataset 2") {
			t.Errorf("%s: Run = %v, want that it names the operator and the datasets", name, err)
		}
	}
}

// TestBadJoins builds joins that cannot be.
func TestBadJoins(t *testing.T) {
	t.Parallel()
	var zero sdk.Dataset[basket]
	tests := []struct {
		name, want string
		build      func(p *sdk.Pipeline) sdk.Dataset[string]
	}{
		{"no function", "Join needs a function", func(p *sdk.Pipeline) sdk.Dataset[string] {
			return sdk.Join[int, string, string, string](buyers(p), baskets(p), nil)
		}},
		{"a zero dataset on the right", "Join of a zero Dataset", func(p *sdk.Pipeline) sdk.Dataset[string] {
			return sdk.Join(buyers(p), zero, func(_ int, l, r string) string { return l + r })
		}},
		{"no order", "GroupSorted needs an order", func(p *sdk.Pipeline) sdk.Dataset[string] {
			return sdk.GroupSorted(buyers(p), func(_ int, names iter.Seq[string], emit sdk.Emit[string]) { names(func(string) bool { return true }) })
		}},
		{"too many", "CoGroupAll takes 100 datasets at most, but got 101", func(p *sdk.Pipeline) sdk.Dataset[string] {
			all := make([]sdk.Dataset[basket], 101)
			for i := range all {
				all[i] = baskets(p)
			}
			return sdk.CoGroupAll(all, func(int, []iter.Seq[string], sdk.Emit[string]) {})
		}},
		{"none", "CoGroupAll of a zero Dataset", func(*sdk.Pipeline) sdk.Dataset[string] {
			return sdk.CoGroupAll[int, string, string](nil, func(int, []iter.Seq[string], sdk.Emit[string]) {})
		}},
	}
	for _, c := range tests {
		job := sdk.Define("bad", func(p *sdk.Pipeline, _ struct{}) error {
			sdk.Return(c.build(p), "rows")
			return nil
		})
		if _, err := sdk.Run(t.Context(), job, struct{}{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "join_test.go:") {
			t.Errorf("%s: Run = %v, want %q with the place", c.name, err, c.want)
		}
	}
}

type couple struct{ Left, Right int }

// TestCrossJoin pairs all rows of both sides, none on one of them included.
func TestCrossJoin(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ left, right int }{{0, 3}, {3, 0}, {1, 1}, {500, 40}} {
		job := sdk.Define("cross", func(p *sdk.Pipeline, _ struct{}) error {
			count := func(n int) (rows []int) {
				for i := range n {
					rows = append(rows, i)
				}
				return rows
			}
			left, right := sdk.Values(p, count(size.left)...), sdk.Values(p, count(size.right)...)
			sdk.Return(sdk.CrossJoin(left, right, func(l, r int) couple { return couple{l, r} }), "rows")
			return nil
		})
		res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Parallelism: 3})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := sdk.Returned[couple](res, "rows")
		seen := map[couple]bool{}
		for _, row := range rows {
			seen[row] = true
		}
		if err != nil || len(rows) != size.left*size.right || len(seen) != len(rows) {
			t.Errorf("%v rows of %d and %d: %d pairs, %d of them different (%v)", size, size.left, size.right, len(rows), len(seen), err)
		}
	}
}

type kept struct {
	Key         int
	Left, Right *int
}

// TestJoinKeepsPointers keeps the pointers that outer joins hand over: what they
// point to must not change when the next rows come.
func TestJoinKeepsPointers(t *testing.T) {
	t.Parallel()
	const keys, each = 40, 30
	for name, memory := range map[string]int64{"in memory": 64 << 20, "on disk": 128 << 10} {
		job := sdk.Define("kept", func(p *sdk.Pipeline, _ struct{}) error {
			var lefts, rights []sdk.KV[int, int]
			for i := range keys * each {
				if lefts = append(lefts, sdk.KV[int, int]{Key: i % keys, Value: i}); i%keys != 0 {
					rights = append(rights, sdk.KV[int, int]{Key: i % keys, Value: -i})
				}
			}
			for i := range 20_000 { // more than there is room for
				rights = append(rights, sdk.KV[int, int]{Key: keys, Value: -(i*keys + keys)})
			}
			l, r := sdk.Values(p, append(lefts, sdk.KV[int, int]{Key: keys, Value: 1}, sdk.KV[int, int]{Key: keys, Value: 2})...), sdk.Values(p, rights...)
			sdk.Return(sdk.FullJoin(l, r, func(key int, l, r *int) kept { return kept{key, l, r} }), "rows")
			return nil
		})
		res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{MemoryBytes: memory, Parallelism: 2, Tmp: []string{t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		if spilled := res.SpilledBytes > 0; spilled != (memory < 1<<20) {
			t.Errorf("%s: %d bytes spilled", name, res.SpilledBytes)
		}
		rows, err := sdk.Returned[kept](res, "rows")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[[3]int]bool{}
		for _, row := range rows {
			pair := [3]int{row.Key, 1 << 40, 1 << 40}
			if row.Left != nil {
				pair[1] = *row.Left
			}
			if row.Right != nil {
				pair[2] = *row.Right
			}
			if pair[0] != keys && pair[1]%keys != pair[0] || pair[2] < 0 && -pair[2]%keys != pair[0]%keys {
				t.Fatalf("%s: a pair of other keys: %v", name, pair)
			}
			seen[pair] = true
		}
		if want := (keys-1)*each*each + each + 2*20_000; len(rows) != want || len(seen) != want {
			t.Errorf("%s: %d pairs, %d of them different, want %d", name, len(rows), len(seen), want)
		}
	}
}
