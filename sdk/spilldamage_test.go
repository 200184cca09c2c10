package sdk_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// vandal flips one bit in the middle of a spill file, once. User functions call
// it, which run while their task has spilled and not yet read back.
type vandal struct {
	pattern string       // of spill files; empty for none
	calls   atomic.Int64 // of user functions
	at      atomic.Int64 // the call that did it; 0 for none yet
}

// strike damages the first spill file of at least a few blocks.
func (v *vandal) strike() {
	call := v.calls.Add(1)
	if v.pattern == "" || v.at.Load() != 0 || call%1000 != 0 {
		return
	}
	files, err := filepath.Glob(v.pattern)
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			panic(err)
		}
		if info.Size() < 4<<10 {
			continue
		}
		var b [1]byte
		if _, err := f.ReadAt(b[:], info.Size()/2); err != nil {
			panic(err)
		}
		b[0] ^= 4
		if _, err := f.WriteAt(b[:], info.Size()/2); err != nil {
			panic(err)
		}
		v.at.Store(call)
		return
	}
}

// TestSpillDamage runs whole jobs in which one bit of a spill file flips: the
// attempt is repeated and the answer right.
func TestSpillDamage(t *testing.T) {
	const rows = 200_000 // several batches a task
	const width = 2 * numberBytes
	want := make([]uint64, rows)
	for i := range want {
		want[i] = number(int64(i))
	}
	slices.Sort(want)
	tests := []struct {
		name  string
		build func(v *vandal, rows sdk.Dataset[string]) sdk.Dataset[string]
	}{
		{"sort", func(v *vandal, rows sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Sort(sdk.Map(rows, func(row string) string { v.strike(); return row }))
		}},
		{"combiner", func(v *vandal, rows sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Distinct(sdk.Map(rows, func(row string) string { v.strike(); return row }))
		}},
		{"aggregation", func(v *vandal, rows sdk.Dataset[string]) sdk.Dataset[string] {
			// Merge runs on the reduce side alone, for keys that several tasks have.
			longest := sdk.Aggregate(sdk.KeyBy(sdk.Union(rows, rows), func(row string) string { return row }), sdk.Aggregator[string, string, string]{
				Add:    func(state *string, row string) { *state = max(*state, row) },
				Merge:  func(state *string, other string) { v.strike(); *state = max(*state, other) },
				Finish: func(state string) string { return state },
			})
			return sdk.Map(longest, func(r sdk.KV[string, string]) string { return r.Value })
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			run := func(v *vandal) {
				var got []uint64
				job := sdk.Define("damaged", func(p *sdk.Pipeline, _ struct{}) error {
					in, err := readNumbered(p, rows*width, width)
					seen := sdk.NewCounter(p, "seen")
					in = sdk.MapErr(in, func(ctx *sdk.Context, row string) (string, error) {
						seen.Add(ctx, 1)
						return row, nil
					})
					sdk.Collect(test.build(v, in), func(rows []string) error {
						for _, row := range rows {
							got = append(got, sumOf(row))
						}
						return nil
					})
					return err
				})
				res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Parallelism: 1, MemoryBytes: 384 << 10, Tmp: []string{tmp}})
				if err != nil {
					t.Fatal(err)
				}
				if res.Counters["seen"] != rows {
					t.Errorf("%d rows were counted, want %d", res.Counters["seen"], rows)
				}
				if test.name != "sort" {
					slices.Sort(got)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%d rows that differ from the %d expected", len(got), len(want))
				}
			}
			calm, v := &vandal{}, &vandal{pattern: filepath.Join(tmp, "*", "*.spill")}
			run(calm)
			run(v)
			if v.at.Load() == 0 {
				t.Fatalf("no spill file was damaged in %d calls", v.calls.Load())
			}
			if v.calls.Load() <= calm.calls.Load() {
				t.Errorf("user functions were called %d times, without damage %d times: no attempt was repeated", v.calls.Load(), calm.calls.Load())
			}
		})
	}
}
