package sdk_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// longWorkload is a job over rows as long as its budget allows.
type longWorkload struct {
	name    string
	build   func(in sdk.Dataset[string], output string)
	copies  int64 // of a row that a step needs; 0 for one
	ordered bool
	text    bool // the output is the rows as text
}

func longWorkloads() []longWorkload {
	sum := func(rows sdk.Dataset[string], output string) { sdk.Write(rows, output, summary{}) }
	return []longWorkload{
		{name: "filter", text: true, build: func(in sdk.Dataset[string], output string) {
			text.Write(sdk.Filter(in, func(row string) bool { return row != "" }), output)
		}},
		{name: "sort", ordered: true, build: func(in sdk.Dataset[string], output string) {
			sum(sdk.Sort(in), output)
		}},
		{name: "sort by a short key", ordered: true, build: func(in sdk.Dataset[string], output string) {
			sum(sdk.Sort(in, sdk.By(func(row string) string { return row[:numberBytes] })), output)
		}},
		{name: "group", build: func(in sdk.Dataset[string], output string) {
			sum(regroup(in, func(row string) string { return row[:1] }), output)
		}},
		{name: "reduce", copies: 4, build: func(in sdk.Dataset[string], output string) {
			byNumber := sdk.KeyBy(in, func(row string) string { return row[:numberBytes] })
			longest := sdk.Reduce(byNumber, func(a, b string) string { return max(a, b) })
			sum(sdk.Map(longest, func(r sdk.KV[string, string]) string { return r.Value }), output)
		}},
		{name: "count", build: func(in sdk.Dataset[string], output string) {
			sum(sdk.Map(sdk.Count(in), func(c sdk.KV[string, int64]) string { return c.Key }), output)
		}},
	}
}

// limit is what the process may take at its peak with rows of width bytes.
func (w longWorkload) limit(width int64) int64 { return slackBytes + max(budgetBytes, w.copies*width) }

func buildLongRows(p *sdk.Pipeline, a jobArgs) error {
	for _, w := range longWorkloads() {
		if w.name == a.Label {
			w.build(text.Read(p, a.Input), a.Output)
			return nil
		}
	}
	return fmt.Errorf("there is no workload %q", a.Label)
}

// longNumbers writes a file of rows of one width, each with its number in front
// and holes behind.
func (p place) longNumbers(t *testing.T, name string, rows, width int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range rows {
		at := i * (width + 1)
		_, err := f.WriteAt(numberOf(i), at)
		if err == nil {
			_, err = f.WriteAt([]byte("\n"), at+width)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// mixedNumbers writes a file of short rows with long ones between.
func (p place) mixedNumbers(t *testing.T, name string, short, long, width, every int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	line := bytes.Repeat([]byte("x"), 100)
	for i := range short + long {
		if i%every == every-1 {
			w.Write(numberOf(i))
			for range width / int64(len(longPiece)) {
				w.WriteString(longPiece)
			}
		} else {
			copy(line, numberOf(i))
			w.Write(line)
		}
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// numberOf is the digits of the number of row i.
func numberOf(i int64) []byte {
	var digits [numberBytes / 2]byte
	for j, rest := 0, number(i); j < len(digits); j++ {
		digits[j] = byte(rest >> (8 * (len(digits) - 1 - j)))
	}
	return []byte(hex.EncodeToString(digits[:]))
}

// TestLongRowsAmongShort has long rows between many short ones.
func TestLongRowsAmongShort(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: memory is not measured: the race detector takes several times as much")
	}
	const short, every, width = 1_500_000, 500_000, 56 << 20
	for _, w := range longWorkloads() {
		t.Run(w.name, func(t *testing.T) {
			p := newPlace(t)
			const long = short / (every - 1)
			p.mixedNumbers(t, "in.txt", short, long, width, every)
			e := p.run(t, "long rows", "--label", w.name, "--input", "in.txt", "--output", p.out, "--sheaf.memory", memory.FormatSize(budgetBytes),
				"--sheaf.parallelism=2", "--sheaf.progress=json")
			if e.code != 0 {
				t.Fatalf("%s: %v", w.name, e)
			}
			f := figuresOf(t, e)
			t.Logf("peak memory %s, %.1f s", memory.FormatSize(f.Peak), f.Seconds)
			if limit := w.limit(width); f.Peak > limit {
				t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(f.Peak), memory.FormatSize(limit))
			}
			if w.text {
				checkSameRows(t, p, filepath.Join(p.dir, "in.txt"))
				return
			}
			workload{want: func(i, _ int64) (uint64, bool) { return number(i), true }, ordered: w.ordered}.check(t, p, short+long)
		})
	}
}

// longTotal is the size of the input of TestLongRows.
const longTotal = 256 << 20

// TestLongRows runs jobs over rows from an eighth of the budget up to all of it,
// each in a process of its own, and holds the process to what is promised.
func TestLongRows(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: memory is not measured: the race detector takes several times as much")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| workload | row | peak memory | spilled | seconds |\n|---|---|---|---|---|\n")
	for _, w := range longWorkloads() {
		widths := []int64{8 << 20, 16 << 20, 32 << 20, 64 << 20}
		if *budgetTimes == 0 {
			widths = []int64{16 << 20, 64 << 20}
		}
		for _, width := range widths {
			t.Run(fmt.Sprintf("%s/%s", w.name, memory.FormatSize(width)), func(t *testing.T) {
				if testing.Short() && width < longestRow {
					t.Skip("SKIPPED: rows below the longest: these tests are to be short")
				}
				p := newPlace(t)
				rows := longTotal / width
				input := p.longNumbers(t, "in.txt", rows, width)
				e := p.run(t, "long rows", "--label", w.name, "--input", "in.txt", "--output", p.out, "--sheaf.memory", memory.FormatSize(budgetBytes),
					"--sheaf.parallelism=2", "--sheaf.progress=json")
				if e.code != 0 {
					t.Fatalf("%s: %v", w.name, e)
				}
				f := figuresOf(t, e)
				fmt.Fprintf(&table, "| %s | %s | %s | %s | %.1f |\n", w.name, memory.FormatSize(width), memory.FormatSize(f.Peak), memory.FormatSize(f.Spilled), f.Seconds)
				if limit := w.limit(width); f.Peak > limit {
					t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(f.Peak), memory.FormatSize(limit))
				}
				if w.text {
					checkSameRows(t, p, input)
					return
				}
				workload{want: func(i, _ int64) (uint64, bool) { return number(i), true }, ordered: w.ordered}.check(t, p, rows)
			})
		}
	}
	t.Logf("\n%s", &table)
}

// checkSameRows compares the output, file after file, with the input.
func checkSameRows(t *testing.T, p place, input string) {
	t.Helper()
	in, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var at int64
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for _, name := range names(t, p.out) {
		if !strings.HasSuffix(name, ".txt") {
			continue
		}
		out, err := os.Open(filepath.Join(p.out, name))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		for {
			n, _ := out.Read(a)
			if n == 0 {
				break
			}
			if m, _ := in.ReadAt(b[:n], at); m < n || !bytes.Equal(a[:n], b[:n]) {
				t.Fatalf("the output differs from the input at offset %d or after", at)
			}
			at += int64(n)
		}
	}
	if info, err := in.Stat(); err != nil || info.Size() != at {
		t.Errorf("the output has %d bytes, the input %v (%v)", at, info.Size(), err)
	}
}
