package sdk_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/csv"
	"github.com/sheafdata/sheaf/sdk/format/jsonl"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// longCell is a row whose text may be long.
type longCell struct {
	ID   int64
	Text string
}

// longFormats are formats with what a row looks like before and after its text.
var longFormats = []struct {
	name, suffix, head, before, after string
	lengths                           func(p *sdk.Pipeline, input string) sdk.Dataset[int]
	copies                            int64 // of a row that reading it takes
}{
	{name: "csv", suffix: ".csv", head: "ID,Text\n", before: "7,", copies: 2, lengths: func(p *sdk.Pipeline, input string) sdk.Dataset[int] {
		return sdk.Map(csv.Read[longCell](p, input), func(c longCell) int { return len(c.Text) })
	}},
	{name: "csv with quotes", suffix: ".csv", head: "ID,Text\n", before: `7,"`, after: `"`, copies: 2, lengths: func(p *sdk.Pipeline, input string) sdk.Dataset[int] {
		return sdk.Map(csv.Read[longCell](p, input), func(c longCell) int { return len(c.Text) })
	}},
	{name: "jsonl", suffix: ".jsonl", before: `{"ID":7,"Text":"`, after: `"}`, copies: 2, lengths: func(p *sdk.Pipeline, input string) sdk.Dataset[int] {
		return sdk.Map(jsonl.Read[longCell](p, input), func(c longCell) int { return len(c.Text) })
	}},
	{name: "text", suffix: ".txt", copies: 1, lengths: func(p *sdk.Pipeline, input string) sdk.Dataset[int] {
		return sdk.Map(text.Read(p, input), func(row string) int { return len(row) })
	}},
	{name: "text with gzip", suffix: ".txt.gz", copies: 1, lengths: func(p *sdk.Pipeline, input string) sdk.Dataset[int] {
		return sdk.Map(text.Read(p, input), func(row string) int { return len(row) })
	}},
}

func buildLongFormats(p *sdk.Pipeline, a jobArgs) error {
	for _, f := range longFormats {
		if f.name == a.Label {
			text.Write(f.lengths(p, a.Input), a.Output)
			return nil
		}
	}
	return fmt.Errorf("there is no format %q", a.Label)
}

// TestLongRowsOfFormats reads rows of almost the limit in every format.
func TestLongRowsOfFormats(t *testing.T) {
	if raceEnabled {
		t.Skip("MEMORY IS NOT MEASURED under the race detector, which takes several times as much")
	}
	const rows, width = 3, longestRow - 64
	for _, f := range longFormats {
		t.Run(f.name, func(t *testing.T) {
			p := newPlace(t)
			file, err := os.Create(filepath.Join(p.dir, "in"+f.suffix))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			out := bufio.NewWriter(file)
			var w io.Writer = out
			var packed *gzip.Writer
			if strings.HasSuffix(f.suffix, ".gz") {
				packed, _ = gzip.NewWriterLevel(out, gzip.BestSpeed)
				w = packed
			}
			io.WriteString(w, f.head)
			for range rows {
				io.WriteString(w, f.before)
				for range width / 64 {
					io.WriteString(w, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
				}
				io.WriteString(w, f.after+"\n")
			}
			if packed != nil {
				packed.Close()
			}
			if err := out.Flush(); err != nil {
				t.Fatal(err)
			}
			e := p.run(t, "long formats", "--label", f.name, "--input", "in"+f.suffix, "--output", p.out, "--sheaf.memory", memory.FormatSize(budgetBytes),
				"--sheaf.parallelism=2", "--sheaf.progress=json")
			if e.code != 0 {
				t.Fatalf("%s: %v", f.name, e)
			}
			if got, want := string(contentOf(t, p.out)), strings.Repeat(fmt.Sprintln(width), rows); got != want {
				t.Errorf("lengths = %q, want %q", got, want)
			}
			peak := figuresOf(t, e).Peak
			t.Logf("peak memory %s", memory.FormatSize(peak))
			if limit := slackBytes + f.copies*longestRow; peak > limit {
				t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(peak), memory.FormatSize(limit))
			}
		})
	}
}
