package sdk_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

var badSeed = flag.Uint64("bad.seed", 0, "run only the random job with bad rows of this seed")

// isBad says on which lines functions fail.
func isBad(line string) bool { return strings.Contains(line, "bad") }

// failOn fails in one of the ways of user code.
func failOn(line string) error {
	switch {
	case !isBad(line):
		return nil
	case len(line)%2 == 0:
		panic("a panic about " + line)
	}
	return fmt.Errorf("an error about %s", line)
}

func panicOn(line string) {
	if err := failOn(line); err != nil {
		panic(err)
	}
}

// badSteps are the places where functions fail. Each gives the good lines.
var badSteps = map[string]func(sdk.Dataset[string]) sdk.Dataset[string]{
	"Map": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.Map(d, func(s string) string { panicOn(s); return s })
	},
	"MapErr": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.MapErr(d, func(_ *sdk.Context, s string) (string, error) { return s, failOn(s) })
	},
	"FilterErr": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.FilterErr(d, func(_ *sdk.Context, s string) (bool, error) { return true, failOn(s) })
	},
	"FlatMapErr": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.FlatMapErr(d, func(_ *sdk.Context, s string, emit sdk.Emit[string]) error {
			emit(s) // gone with the row, when that is bad
			return failOn(s)
		})
	},
	"MapBatches": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.MapBatches[string](d, func(_ *sdk.Context, in arrow.Record) (arrow.Record, error) {
			col := in.Column(0).(*array.String)
			for i := range col.Len() {
				if err := failOn(col.Value(i)); err != nil {
					return nil, err
				}
			}
			return in, nil
		})
	},
	"Sort": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		return sdk.Sort(d, sdk.By(func(s string) string { panicOn(s); return s }))
	},
	"fork": func(d sdk.Dataset[string]) sdk.Dataset[string] {
		// A row that fails in one branch is missing in the other too.
		one := sdk.Filter(d, func(s string) bool { return len(s)%3 == 0 })
		other := sdk.Filter(sdk.Map(d, func(s string) string { panicOn(s); return s }), func(s string) bool { return len(s)%3 != 0 })
		return sdk.Union(one, other)
	},
}

// badJob reads lines, fails on some, and counts those that came through.
func badJob(step string, limit func(*sdk.Pipeline)) *sdk.Job[wordArgs] {
	return sdk.Define("bad", func(p *sdk.Pipeline, a wordArgs) error {
		limit(p)
		before, after := sdk.NewCounter(p, "before"), sdk.NewCounter(p, "after")
		d := badSteps[step](counting(text.Read(p, a.Input), before))
		text.Write(counting(d, after), a.Output)
		return nil
	})
}

type wordArgs struct{ Input, Output string }

func counting(d sdk.Dataset[string], n sdk.Counter) sdk.Dataset[string] {
	return sdk.MapErr(d, func(ctx *sdk.Context, s string) (string, error) {
		n.Add(ctx, 1)
		return s, nil
	})
}

// badInput is some files of lines, and what a job must make of them.
type badInput struct {
	dir       string
	good      []string
	bad       map[string]string // lines by "file offset"
	goodCount int64
}

func newBadInput(t *testing.T, r *rand.Rand) badInput {
	in := badInput{dir: t.TempDir(), bad: map[string]string{}}
	every := 1 + r.IntN(1+r.IntN(3000))
	for f := range 1 + r.IntN(3) {
		path := filepath.Join(in.dir, fmt.Sprint(f, ".txt"))
		var b bytes.Buffer
		for i := range r.IntN(12_000) {
			line := fmt.Sprintf("%d %s", i, strings.Repeat("x", r.IntN(9)))
			if r.IntN(every) == 0 {
				line = "bad " + line
				in.bad[fmt.Sprintf("%s %d", path, b.Len())] = line
			} else {
				in.good = append(in.good, line)
			}
			b.WriteString(line + "\n")
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(in.good)
	in.goodCount = int64(len(in.good))
	return in
}

// quarantined returns the rows that a job left out, as lines by "file offset".
func quarantined(t *testing.T, dir string) map[string]string {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, "_SUCCESS.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s task.Success
	if err := json.Unmarshal(manifest, &s); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range s.Quarantine {
		content, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
		if int64(len(lines)) != f.Rows {
			t.Errorf("%s has %d lines, the manifest says %d", f.Name, len(lines), f.Rows)
		}
		for _, line := range lines {
			var row task.QuarantinedRow
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			key := fmt.Sprintf("%s %d", row.File, *row.Offset)
			if got[key] != "" {
				t.Errorf("%s is left out twice", key)
			}
			got[key] = row.Row
			if !strings.Contains(row.Error, "about bad") || !strings.Contains(row.Operator, " at ") {
				t.Errorf("left out: %s, want the error and the operator", line)
			}
		}
	}
	return got
}

// TestBadRows runs jobs with random bad rows at random places: the output is that
// of the good rows, the others stand in quarantine with their places, and counters
// count the good ones once.
func TestBadRows(t *testing.T) {
	seeds := []uint64{*badSeed}
	if *badSeed == 0 {
		seeds = nil
		first := uint64(time.Now().UnixNano())
		for i := range uint64(20) {
			seeds = append(seeds, first+i)
		}
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range badSteps {
			if !yield(name) {
				return
			}
		}
	})
	for i, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 3))
		step := names[(i+int(seed%7))%len(names)]
		if *badSeed != 0 {
			step = names[r.IntN(len(names))]
		}
		if randomBadJob(t, r, step); t.Failed() {
			t.Fatalf("seed %d, %s: repeat with: go test ./sdk -run TestBadRows -bad.seed=%d", seed, step, seed)
		}
	}
}

func randomBadJob(t *testing.T, r *rand.Rand, step string) {
	in := newBadInput(t, r)
	bad := int64(len(in.bad))
	limit := func(p *sdk.Pipeline) {
		sdk.MaxBadRows(p, max(bad, 1))
		sdk.MaxBadFraction(p, 1)
	}
	a := wordArgs{in.dir, filepath.Join(t.TempDir(), "out")}
	o := sdk.Options{Parallelism: 1 + r.IntN(3), MemoryBytes: int64(1<<20) << r.IntN(8), Tmp: []string{t.TempDir()}}
	if r.IntN(3) == 0 {
		o.VerifyPerMillion = 1_000_000
	}
	res, err := sdk.Run(t.Context(), badJob(step, limit), a, o)
	if err != nil {
		t.Errorf("Run with %d bad rows: %v", bad, err)
		return
	}
	got := sheaftest.Lines(t, a.Output)
	slices.Sort(got)
	if !slices.Equal(got, in.good) {
		t.Errorf("the job wrote %d lines, want the %d good ones", len(got), len(in.good))
	}
	if res.BadRows != bad || res.RowsIn != bad+in.goodCount || res.RowsOut != in.goodCount {
		t.Errorf("Run left out %d rows of %d and wrote %d, want %d, %d and %d", res.BadRows, res.RowsIn, res.RowsOut, bad, bad+in.goodCount, in.goodCount)
	}
	if res.Counters["before"] != in.goodCount || res.Counters["after"] != in.goodCount {
		t.Errorf("counted %v, want %d good rows", res.Counters, in.goodCount)
	}
	rows := quarantined(t, a.Output)
	if len(rows) != len(in.bad) {
		t.Errorf("%d rows in quarantine, want %d", len(rows), len(in.bad))
	}
	for key, line := range in.bad {
		if want := fmt.Sprintf("value: %q", line); rows[key] != want {
			t.Errorf("%s in quarantine: %s, want %s", key, rows[key], want)
		}
	}
	if bad < 2 {
		return
	}
	// One more than allowed.
	a.Output += "-2"
	limit = func(p *sdk.Pipeline) { sdk.MaxBadRows(p, bad-1) }
	_, err = sdk.Run(t.Context(), badJob(step, limit), a, o)
	if want := fmt.Sprintf("%d rows are bad, more than the %d that MaxBadRows allows; the first: %s%c", bad, bad-1, in.dir, filepath.Separator); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Run = %v, want %q", err, want)
	}
	if _, err := os.Stat(a.Output); !os.IsNotExist(err) {
		t.Errorf("%s exists after a failure (%v)", a.Output, err)
	}
	limit = func(p *sdk.Pipeline) { sdk.MaxBadFraction(p, 0.5*float64(bad)/float64(bad+in.goodCount)) }
	_, err = sdk.Run(t.Context(), badJob(step, limit), a, o)
	if want := fmt.Sprintf("%d rows are bad of %d, more than the part of 0.", bad, bad+in.goodCount); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Run = %v, want %q", err, want)
	}
}

// TestBadRowsWithoutFiles checks a job that publishes nothing: its bad rows are
// counted, and nobody wants to write them down.
func TestBadRowsWithoutFiles(t *testing.T) {
	job := sdk.Define("collects", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.MaxBadRows(p, 2)
		sdk.Return(badSteps["MapErr"](sdk.Values(p, "a", "bad", "b", "bad b")), "good")
		return nil
	})
	res, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sdk.Returned[string](res, "good"); err != nil || !slices.Equal(got, []string{"a", "b"}) || res.BadRows != 2 {
		t.Errorf("Run = %q, %v with %d bad rows, want a, b and 2", got, err, res.BadRows)
	}
}

// TestBadRowBehindExchange checks that only rows of sources are left out.
func TestBadRowBehindExchange(t *testing.T) {
	job := sdk.Define("late", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.MaxBadRows(p, 2)
		sdk.Return(badSteps["MapErr"](sdk.Distinct(sdk.Values(p, "a", "bad"))), "good")
		return nil
	})
	_, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "an error about bad") {
		t.Errorf("Run = %v, want the error of the function", err)
	}
}

func TestBadLimits(t *testing.T) {
	for want, limit := range map[string]func(*sdk.Pipeline){
		"MaxBadRows(0) allows no row":    func(p *sdk.Pipeline) { sdk.MaxBadRows(p, 0) },
		"MaxBadRows(-1) allows no row":   func(p *sdk.Pipeline) { sdk.MaxBadRows(p, -1) },
		"MaxBadFraction(0) is no part":   func(p *sdk.Pipeline) { sdk.MaxBadFraction(p, 0) },
		"MaxBadFraction(1.5) is no part": func(p *sdk.Pipeline) { sdk.MaxBadFraction(p, 1.5) },
		"MaxBadFraction(1e-09)":          func(p *sdk.Pipeline) { sdk.MaxBadFraction(p, 1e-9) },
	} {
		_, err := sdk.Run(t.Context(), badJob("Map", limit), wordArgs{"nowhere", "nowhere"})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "badrows_test.go:") {
			t.Errorf("Run = %v, want %q and the line", err, want)
		}
	}
}
