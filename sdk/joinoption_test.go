package sdk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// texts gives rows 0 to n-1 with a text of some bytes.
func texts(p *sdk.Pipeline, n, bytes int) sdk.Dataset[sdk.KV[int, string]] {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return sdk.Map(sdk.Values(p, rows...), func(i int) sdk.KV[int, string] {
		return sdk.KV[int, string]{Key: i, Value: fmt.Sprintf("%0*d", bytes, i)}
	})
}

func rightOf(_ int, _, r string) string { return r }

// TestBroadcastTooLarge holds that a side that was asked for and does not fit is
// refused with its size, the limit and what to do, and that one by size is sorted.
func TestBroadcastTooLarge(t *testing.T) {
	t.Parallel()
	const rows, bytes = 40_000, 1000
	run := func(opts ...sdk.JoinOption) (*sdk.Result, error) {
		job := sdk.Define("large side", func(p *sdk.Pipeline, _ struct{}) error {
			sdk.Return(sdk.Join(texts(p, 5, 10), texts(p, rows, bytes), rightOf, opts...), "rows")
			return nil
		})
		return sdk.Run(t.Context(), job, struct{}{}, sdk.Options{MemoryBytes: 16 << 20, Parallelism: 1, Tmp: []string{t.TempDir()}})
	}
	_, err := run(sdk.Broadcast())
	for _, want := range []string{"Join at sdk/joinoption_test.go:", "40000 rows", "a task has", "let SortMerge sort both sides"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Broadcast of %d rows of %d bytes: %v, want %q in it", rows, bytes, err, want)
		}
	}
	res, err := run()
	if err != nil || len(res.Joins) != 1 || res.Joins[0].Broadcast || res.Joins[0].Rows != rows || res.Joins[0].Bytes < rows*bytes {
		t.Errorf("Run without an option = %+v, %v, want both sides sorted", res, err)
	}
}

// TestJoinForms holds which form a small right side gets, and where none may be asked for.
func TestJoinForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		build func(p *sdk.Pipeline) sdk.Dataset[string]
		forms []bool // of the joins that could choose: whether they were broadcast
		err   string
	}{
		{"small", func(p *sdk.Pipeline) sdk.Dataset[string] { return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf) }, []bool{true}, ""},
		{"limit of 0", func(p *sdk.Pipeline) sdk.Dataset[string] {
			sdk.BroadcastLimit(p, 0)
			return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf)
		}, nil, ""},
		{"sorted", func(p *sdk.Pipeline) sdk.Dataset[string] {
			return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf, sdk.SortMerge())
		}, nil, ""},
		{"with itself", func(p *sdk.Pipeline) sdk.Dataset[string] {
			d := texts(p, 9, 9)
			return sdk.Join(d, d, rightOf)
		}, nil, ""},
		{"with itself, broadcast", func(p *sdk.Pipeline) sdk.Dataset[string] {
			d := texts(p, 9, 9)
			return sdk.Join(d, d, rightOf, sdk.Broadcast())
		}, nil, "both of its sides come from one stage"},
		{"with what is made of it, broadcast", func(p *sdk.Pipeline) sdk.Dataset[string] {
			d := texts(p, 9, 9)
			longest := sdk.Reduce(d, func(a, b string) string { return max(a, b) })
			return sdk.Join(d, longest, rightOf, sdk.Broadcast())
		}, nil, "its right side is made of its left one"},
		{"with bad rows, broadcast", func(p *sdk.Pipeline) sdk.Dataset[string] {
			sdk.MaxBadRows(p, 3)
			return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf, sdk.Broadcast())
		}, nil, "leaves out bad rows"},
		{"both", func(p *sdk.Pipeline) sdk.Dataset[string] {
			return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf, sdk.Broadcast(), sdk.SortMerge())
		}, nil, "both Broadcast and SortMerge"},
		{"negative limit", func(p *sdk.Pipeline) sdk.Dataset[string] {
			sdk.BroadcastLimit(p, -1)
			return sdk.Join(texts(p, 9, 9), texts(p, 5, 9), rightOf)
		}, nil, "BroadcastLimit(-1)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			job := sdk.Define("forms", func(p *sdk.Pipeline, _ struct{}) error {
				sdk.Return(test.build(p), "rows")
				return nil
			})
			res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "joinoption_test.go:") {
					t.Errorf("Run = %v, want %q and the place in the program", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Joins) != len(test.forms) {
				t.Fatalf("Joins = %+v, want %d", res.Joins, len(test.forms))
			}
			for i, want := range test.forms {
				if res.Joins[i].Broadcast != want {
					t.Errorf("Joins[%d] = %+v, want broadcast %v", i, res.Joins[i], want)
				}
			}
		})
	}
}
