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

	"github.com/zeebo/xxh3"

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

const longPiece = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// digestOf tells texts apart.
func digestOf(s string) string { return fmt.Sprintf("%d %x", len(s), xxh3.HashString(s)) }

// longFormats are formats with what a row looks like before and after its text.
var longFormats = []struct {
	name, suffix, head, before, after string
	digests                           func(p *sdk.Pipeline, input string) sdk.Dataset[string]
}{
	{name: "csv", suffix: ".csv", head: "ID,Text\n", before: "7,", digests: func(p *sdk.Pipeline, input string) sdk.Dataset[string] {
		return sdk.Map(csv.Read[longCell](p, input), func(c longCell) string { return digestOf(c.Text) })
	}},
	{name: "csv with quotes", suffix: ".csv", head: "ID,Text\n", before: `7,"`, after: `"`, digests: func(p *sdk.Pipeline, input string) sdk.Dataset[string] {
		return sdk.Map(csv.Read[longCell](p, input), func(c longCell) string { return digestOf(c.Text) })
	}},
	{name: "jsonl", suffix: ".jsonl", before: `{"ID":7,"Text":"`, after: `"}`, digests: func(p *sdk.Pipeline, input string) sdk.Dataset[string] {
		return sdk.Map(jsonl.Read[longCell](p, input), func(c longCell) string { return digestOf(c.Text) })
	}},
	{name: "text", suffix: ".txt", digests: func(p *sdk.Pipeline, input string) sdk.Dataset[string] {
		return sdk.Map(text.Read(p, input), digestOf)
	}},
	{name: "text with gzip", suffix: ".txt.gz", digests: func(p *sdk.Pipeline, input string) sdk.Dataset[string] {
		return sdk.Map(text.Read(p, input), digestOf)
	}},
}

func buildLongFormats(p *sdk.Pipeline, a jobArgs) error {
	for _, f := range longFormats {
		if f.name == a.Label {
			text.Write(f.digests(p, a.Input), a.Output)
			return nil
		}
	}
	return fmt.Errorf("there is no format %q", a.Label)
}

// TestLongRowsOfFormats reads rows of almost the limit in every format.
func TestLongRowsOfFormats(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: memory is not measured: the race detector takes several times as much")
	}
	const rows, width = 3, longestRow - len(longPiece)
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
				for range width / len(longPiece) {
					io.WriteString(w, longPiece)
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
			if got, want := string(contentOf(t, p.out)), strings.Repeat(digestOf(strings.Repeat(longPiece, width/len(longPiece)))+"\n", rows); got != want {
				t.Errorf("digests = %q, want %q", got, want)
			}
			peak := figuresOf(t, e).Peak
			t.Logf("peak memory %s", memory.FormatSize(peak))
			if limit := int64(budgetBytes + slackBytes); peak > limit {
				t.Errorf("peak memory = %s, want at most %s", memory.FormatSize(peak), memory.FormatSize(limit))
			}
		})
	}
}
