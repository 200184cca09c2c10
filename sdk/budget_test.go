package sdk_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/sdk"
)

var budgetTimes = flag.Int64("budget.times", 0, "input of TestBudget as a multiple of the budget; 0 for what is quick")

const (
	budgetBytes = 64 << 20
	// slackBytes is what a process may hold beyond its budget: the program,
	// stacks, and what the collector has not yet given back.
	slackBytes = 64 << 20
)

// workload is a job that has to keep to its budget.
type workload struct {
	name     string
	times    int64 // input by default, in budgets
	rowBytes int64
	build    func(rows sdk.Dataset[string]) sdk.Dataset[string]
	// want gives what a row adds to the output; false for nothing.
	want    func(i, n int64) (uint64, bool)
	ordered bool
	spills  bool
}

func budgetWorkloads() []workload {
	each := func(i, _ int64) (uint64, bool) { return number(i), true }
	return []workload{
		{name: "count of distinct keys", times: 2, rowBytes: 64, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Map(sdk.Count(in), func(c sdk.KV[string, int64]) string { return c.Key })
		}},
		{name: "distinct", times: 2, rowBytes: 64, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Distinct(in)
		}},
		{name: "reduce to strings", times: 2, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			byNumber := sdk.KeyBy(in, func(row string) string { return row[:numberBytes] })
			return sdk.Map(sdk.Reduce(byNumber, func(a, b string) string { return max(a, b) }), func(r sdk.KV[string, string]) string { return r.Value })
		}},
		{name: "reduce to growing strings", times: 2, rowBytes: 100, want: first(hotKeys), build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			few := sdk.KeyBy(in, func(row string) string { return row[numberBytes-2 : numberBytes] })
			longest := sdk.Reduce(few, func(a, b string) string {
				if len(a)+len(b) > 4<<10 {
					return b
				}
				return a + b
			})
			return sdk.Map(longest, func(r sdk.KV[string, string]) string { return "0000000000000001" })
		}},
		{name: "sort", times: 10, rowBytes: 100, spills: true, ordered: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Sort(in)
		}},
		{name: "top", times: 4, rowBytes: 100, want: nil, ordered: true, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.TopK(in, topRows)
		}},
		{name: "group with nine tenths in one key", times: 10, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return regroup(in, func(row string) string {
				if row[numberBytes-1] < 'f' && row[numberBytes-2] != '0' {
					return "hot"
				}
				return row[:4]
			})
		}},
		{name: "group of one key", times: 10, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return regroup(in, func(string) string { return "all" })
		}},
		{name: "group of values of 1 MiB", times: 4, rowBytes: 1 << 20, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return regroup(in, func(row string) string { return row[:1] })
		}},
		{name: "sort of rows of 1 MiB", times: 4, rowBytes: 1 << 20, spills: true, ordered: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Sort(in, sdk.By(func(row string) string { return row[:numberBytes] }))
		}},
		{name: "join with half of the left rows in one key", times: 2, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Join(sdk.KeyBy(in, halfInOne), keysOnce(in), func(_, row string, _ bool) string { return row })
		}},
		{name: "join with half of the right rows in one key", times: 2, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Join(keysOnce(in), sdk.KeyBy(in, halfInOne), func(_ string, _ bool, row string) string { return row })
		}},
		{name: "semi join with half of both sides in one key", times: 2, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			left := sdk.SemiJoin(sdk.KeyBy(in, halfInOne), sdk.KeyBy(in, halfInOne))
			return sdk.Map(left, func(row sdk.KV[string, string]) string { return row.Value })
		}},
		{name: "top rows by key with half of the rows in one key", times: 2, rowBytes: 100, spills: true, want: nil, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return sdk.Map(sdk.TopKByKey(sdk.KeyBy(in, halfInOne), 3), func(row sdk.KV[string, string]) string { return row.Value })
		}},
		{name: "lead with half of the rows in one key", times: 2, rowBytes: 100, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			whole := sdk.By(func(row string) string { return row })
			return sdk.Map(sdk.Lead(sdk.KeyBy(in, halfInOne), 1000, whole), func(row sdk.KV[string, sdk.Led[string]]) string { return row.Value.Row })
		}},
		{name: "group of rows of 4 MiB", times: 2, rowBytes: 4 << 20, spills: true, want: each, build: func(in sdk.Dataset[string]) sdk.Dataset[string] {
			return regroup(in, func(row string) string { return row[:1] })
		}},
	}
}

const (
	hotKeys = 256
	topRows = 20_000
)

// first says that the output is n rows whose number is 1.
func first(rows int64) func(i, n int64) (uint64, bool) {
	return func(i, _ int64) (uint64, bool) { return 1, i < rows }
}

// regroup gives the rows of every group again.
func regroup(in sdk.Dataset[string], key func(string) string) sdk.Dataset[string] {
	return sdk.GroupByKey(sdk.KeyBy(in, key), func(_ string, rows iter.Seq[string], emit sdk.Emit[string]) {
		for row := range rows {
			emit(row)
		}
	})
}

// halfInOne is one key for half of the rows, and another one for every other row.
func halfInOne(row string) string {
	if row[numberBytes-1] < '8' {
		return "hot"
	}
	return row[:numberBytes]
}

// keysOnce gives the keys of halfInOne, each once.
func keysOnce(in sdk.Dataset[string]) sdk.Dataset[sdk.KV[string, bool]] {
	return sdk.Map(sdk.Distinct(sdk.Map(in, halfInOne)), func(key string) sdk.KV[string, bool] { return sdk.KV[string, bool]{Key: key} })
}

type budgetArgs struct {
	Workload string `flag:"workload" help:"what to do" required:"true"`
	Bytes    int64  `flag:"bytes" help:"size of the input" required:"true"`
	Output   string `flag:"output" help:"directory to write" required:"true"`
}

func buildBudget(p *sdk.Pipeline, a budgetArgs) error {
	for _, w := range budgetWorkloads() {
		if w.name == a.Workload {
			rows, err := readNumbered(p, a.Bytes, w.rowBytes)
			if err != nil {
				return err
			}
			sdk.Write(w.build(rows), a.Output, summary{})
			return nil
		}
	}
	return fmt.Errorf("there is no workload %q", a.Workload)
}

// figures are those of a run, as progress for programs tells them.
type figures struct {
	Seconds float64 `json:"elapsed_seconds"`
	Spilled int64   `json:"spilled_bytes"`
	Peak    int64   `json:"peak_memory_bytes"`
}

// figuresOf reads them from the last line of standard error.
func figuresOf(t testing.TB, e ended) figures {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
	var end struct{ Figures *figures }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil || end.Figures == nil {
		t.Fatalf("the last line of standard error has no figures (%v): %v", err, e)
	}
	return *end.Figures
}

// TestBudget runs jobs over inputs of many times their budget, each in a
// process of its own, and holds the process to budget and slack. With
// -budget.times=100 it is the long form: make budget.
func TestBudget(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: memory is not measured: the race detector takes several times as much")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| workload | input | budget | peak memory | spilled | seconds |\n|---|---|---|---|---|---|\n")
	for _, w := range budgetWorkloads() {
		t.Run(w.name, func(t *testing.T) {
			p := newPlace(t)
			size := cmp.Or(*budgetTimes, w.times) * budgetBytes / w.rowBytes * w.rowBytes
			e := p.run(t, "budget", "--workload", w.name, "--bytes", fmt.Sprint(size), "--output", p.out,
				"--sheaf.memory", memory.FormatSize(budgetBytes), "--sheaf.progress=json")
			if e.code != 0 {
				t.Fatalf("%s: %v", w.name, e)
			}
			f := figuresOf(t, e)
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %.1f |\n", w.name, memory.FormatSize(size),
				memory.FormatSize(budgetBytes), memory.FormatSize(f.Peak), memory.FormatSize(f.Spilled), f.Seconds)
			if f.Peak > budgetBytes+slackBytes {
				t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(f.Peak), memory.FormatSize(budgetBytes+slackBytes))
			}
			if w.spills && f.Spilled == 0 {
				t.Errorf("nothing was spilled: the input is too small for this test")
			}
			w.check(t, p, size/w.rowBytes)
		})
	}
	t.Logf("\n%s", &table)
}

// check compares the output with what the rows make.
func (w workload) check(t *testing.T, p place, rows int64) {
	t.Helper()
	got := checksum{Ordered: true}
	for _, name := range names(t, p.out) {
		if !strings.HasSuffix(name, ".txt") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(p.out, name))
		if err != nil {
			t.Fatal(err)
		}
		var file checksum
		if _, err := fmt.Fscanf(bytes.NewReader(b), "%d %d %t %q %q\n", &file.Rows, &file.Sum, &file.Ordered, &file.First, &file.Last); err != nil {
			t.Fatalf("summary %q: %v", b, err)
		}
		got.add(file)
	}
	if w.ordered && !got.Ordered {
		t.Errorf("the rows are not in order")
	}
	if w.want == nil {
		return
	}
	var want checksum
	for i := range rows {
		if n, ok := w.want(i, rows); ok {
			want.Rows++
			want.Sum += n
		}
	}
	if got.Rows != want.Rows || got.Sum != want.Sum {
		t.Errorf("output = %d rows with the sum %x, want %d with %x", got.Rows, got.Sum, want.Rows, want.Sum)
	}
}
