package sdk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// buildLengths writes the length of every row.
func buildLengths(p *sdk.Pipeline, a jobArgs) error {
	lengths := sdk.Map(text.Read(p, a.Input), func(row string) string { return fmt.Sprint(len(row)) })
	text.Write(lengths, a.Output)
	return nil
}

// longestRow is the limit of the formats.
const longestRow = 64 << 20

// longRows writes a file of rows of the given lengths, mostly holes.
func (p place) longRows(t *testing.T, name string, lengths ...int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var at int64
	for _, n := range lengths {
		at += n
		if _, err := f.WriteAt([]byte("\n"), at); err != nil {
			t.Fatal(err)
		}
		at++
	}
}

// TestRowAboveLimit reads a row one byte longer than the limit.
func TestRowAboveLimit(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.longRows(t, "in.txt", 5, longestRow+1, 5)
	e := p.run(t, "lengths", "--input", "in.txt", "--output", p.out, "--sheaf.memory", memory.FormatSize(budgetBytes))
	p.wantFailure(t, e, 1, "in.txt, offset 6: the row that begins here is longer than the limit of 67108864 bytes")
	p.wantNothing(t)
}

// TestRowsAtLimit reads rows of the limit, each as large as the budget.
func TestRowsAtLimit(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: memory is not measured: the race detector takes several times as much")
	}
	const rows, tasks = 12, 2
	p := newPlace(t)
	lengths := make([]int64, rows)
	for i := range lengths {
		lengths[i] = longestRow
	}
	p.longRows(t, "in.txt", lengths...)
	e := p.run(t, "lengths", "--input", "in.txt", "--output", p.out, "--sheaf.memory", memory.FormatSize(budgetBytes),
		"--sheaf.parallelism", fmt.Sprint(tasks), "--sheaf.progress=json")
	if e.code != 0 {
		t.Fatalf("rows of %d bytes: %v", longestRow, e)
	}
	if got, want := string(contentOf(t, p.out)), strings.Repeat(fmt.Sprintln(longestRow), rows); got != want {
		t.Errorf("lengths = %q, want %q", got, want)
	}
	f := figuresOf(t, e)
	t.Logf("peak memory %s", memory.FormatSize(f.Peak))
	if limit := int64(budgetBytes + slackBytes); f.Peak > limit {
		t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(f.Peak), memory.FormatSize(limit))
	}
}
