package csv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

// numbered is a row with columns that do not take every text.
type numbered struct {
	A string
	N int32
	B bool
}

// badContent is rows behind a header, of which some are no rows of numbered.
func badContent(header string) func(rng *rand.Rand) (formattest.Sample, []int64) {
	return func(rng *rand.Rand) (s formattest.Sample, bad []int64) {
		wrong := []string{"a,x,true", "a,1,maybe", "a,99999999999,true", "a,1", "a,1,true,more", "\"a\nb\",x,y", "alone", "a,,"}
		var b strings.Builder
		b.WriteString(header)
		for n := b.Len() + rng.IntN(300); b.Len() < n; {
			at := int64(b.Len())
			switch rng.IntN(4) {
			case 0:
				b.WriteString(wrong[rng.IntN(len(wrong))])
				bad = append(bad, at)
			case 1:
				if b.Len() == len(header) { // what stands before the first row is told with it
					continue
				}
			default:
				text, number := strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(20)), rng.Int32()
				quoted := text
				if rng.IntN(3) == 0 {
					text += "\n"
					quoted = "\"" + text + "\""
				}
				fmt.Fprintf(&b, "%s,%d,true", quoted, number)
				s.Rows, s.Offsets = append(s.Rows, fmt.Sprint(text, " ", number)), append(s.Offsets, at)
			}
			b.WriteString([]string{"\n", "\r\n"}[rng.IntN(2)])
		}
		s.Name, s.Data = "bad", []byte(b.String())
		return s, bad
	}
}

func TestBadRows(t *testing.T) {
	for name, header := range map[string]string{"header": "A,N,B\n", "no header": ""} {
		t.Run(name, func(t *testing.T) {
			formattest.RunBad(t, formattest.Suite{
				Source: func(input string) graph.Source { return Source[numbered](input, ReadOptions{NoHeader: header == ""}) },
				Suffix: ".csv", Bad: badContent(header),
				Render: func(batch arrow.Record) []string {
					rows := make([]string, batch.NumRows())
					for i := range rows {
						rows[i] = fmt.Sprint(batch.Column(0).(*array.String).Value(i), " ", batch.Column(1).(*array.Int32).Value(i))
					}
					return rows
				},
			})
		})
	}
}

// TestBadQuotes checks that a row whose end nobody knows is not left out.
func TestBadQuotes(t *testing.T) {
	for _, content := range []string{"A,N,B\na\"b,1,true\nc,2,true\n", "A,N,B\n\"a,1,true\nc,2,true\n"} {
		opts := graph.ReadOptions{Bad: func(u graph.Undecoded) error {
			t.Errorf("%q: row %q is left out", content, u.Raw)
			return nil
		}}
		if rows, err := readRows[numbered](t, Source[numbered](writeFile(t, "q.csv", content)), 0, opts); err == nil {
			t.Errorf("%q gives %v, want an error", content, rows)
		}
	}
}
