package jsonl

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

// badContent is lines of which some hold no text.
func badContent(rng *rand.Rand) (s formattest.Sample, bad []int64) {
	wrong := []string{"12", "{", `"open`, `"a" b`, "nul", "[]", `"\x"`, "\x00", `"` + strings.Repeat("long", 30)}
	var b strings.Builder
	if rng.IntN(5) == 0 {
		b.WriteString(byteOrderMark)
	}
	first := true
	for n := rng.IntN(300); b.Len() < n; first = false {
		at := int64(b.Len())
		if first {
			at = 0 // a mark belongs to its line
		}
		switch rng.IntN(4) {
		case 0:
			b.WriteString(wrong[rng.IntN(len(wrong))])
			bad = append(bad, at)
		case 1:
			b.WriteString([]string{"", "  ", "\t"}[rng.IntN(3)])
		default:
			row := strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(20))
			text, _ := json.Marshal(row)
			b.Write(text)
			s.Rows, s.Offsets = append(s.Rows, row), append(s.Offsets, at)
		}
		if b.Len() >= n && rng.IntN(2) == 0 {
			break // the last line without its end
		}
		b.WriteString([]string{"\n", "\r\n"}[rng.IntN(2)])
	}
	s.Name, s.Data = "bad", []byte(b.String())
	return s, bad
}

func TestBadRows(t *testing.T) {
	formattest.RunBad(t, formattest.Suite{
		Source: func(input string) graph.Source { return Source[string](input) }, Suffix: ".jsonl", Bad: badContent,
	})
}
