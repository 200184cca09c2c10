package csv

import (
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

// sampleOf finds rows by package encoding/csv. header says that the first row
// is none.
func sampleOf(name, content string, header bool) formattest.Sample {
	rows, offsets, err := reference(content, func(*stdcsv.Reader) {})
	if err != nil {
		panic(fmt.Sprintf("sample %s: %v", name, err))
	}
	s := formattest.Sample{Name: name, Data: []byte(content)}
	for i, row := range rows {
		if header && i == 0 {
			continue
		}
		s.Rows = append(s.Rows, strings.Join(row, "\x1f"))
		s.Offsets = append(s.Offsets, skipEmpty(content, offsets[i]))
	}
	return s
}

// bodies are rows of two fields.
var bodies = []struct{ name, content string }{
	{"plain", "to be,or not\nto be,that\nis,the question\n"},
	{"no final newline", "a,1\nbb,22\nccc,333"},
	{"crlf", "a,1\r\nbb,22\r\n"},
	{"quotes", "\"a,b\",\"c\"\n\"\",\"\"\"\"\n\"x\",y\n"},
	{"newlines in quotes", "\"a\nb\n\",\"\n\"\n\"\n\n\n\",x\nlast,\"\n,\n\"\"\n\"\n"},
	{"quotes and crlf", "\"a\",\"b\"\r\n\"c,\n\",\"d\"\r\n"},
	{"empty lines", "\n\na,b\n\n\r\nc,d\n\n\n"},
	{"empty fields", ",\n,\n\"\",\n,\"\"\n"},
	{"carriage returns inside", "a\rb,\r\r\n\rc,d\r"},
	{"not utf-8", "\xff\xfe\x00a,\x80\n\xc3,\xbf\n"},
	{"one long row", strings.Repeat("x", 250) + ",y"},
	{"a quote at the end of a block", strings.Repeat("x", 60) + ",\"\"\n" + strings.Repeat("y", 58) + ",\"a\"\"b\"\n"},
	{"many short rows", strings.Repeat("word,1\n", 9_000)},
	{"many rows, some in quotes", strings.Repeat("word,1\n\"a \"\"word\"\"\",\"2\"\n\"two\nlines\",3\n", 3_000)},
	{"short rows and then long ones", strings.Repeat(",\n", 9_000) + strings.Repeat(strings.Repeat("z", 2000)+",\""+strings.Repeat("\n", 100)+"\"\n", 100)},
}

func randomContent(rng *rand.Rand) string {
	var b strings.Builder
	text := func() {
		if rng.IntN(3) > 0 {
			b.WriteString(strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(20)))
			return
		}
		b.WriteByte('"')
		for range rng.IntN(12) {
			b.WriteString([]string{"\n", "\"\"", ",", "x", ";", " "}[rng.IntN(6)])
		}
		b.WriteByte('"')
	}
	for n := rng.IntN(150); b.Len() < n; {
		text()
		b.WriteByte(',')
		text()
		b.WriteString([]string{"\n", "\r\n", "\n\n"}[rng.IntN(3)])
	}
	return b.String()
}

func writeTwo(w io.Writer, rows []string, o WriteOptions) (string, error) {
	f, err := NewFormat[two](o)
	if err != nil {
		return "", err
	}
	var all []two
	for _, row := range rows {
		a, b, _ := strings.Cut(row, "\x1f")
		all = append(all, two{a, b})
	}
	return formattest.WriteRows(w, f, all)
}

func suite(header string, o ReadOptions) formattest.Suite {
	s := formattest.Suite{
		Source: func(input string) graph.Source { return Source[two](input, o) },
		Suffix: ".csv",
		Render: func(batch arrow.Record) []string {
			a, b := batch.Column(0).(*array.String), batch.Column(1).(*array.String)
			rows := make([]string, batch.NumRows())
			for i := range rows {
				rows[i] = strings.ReplaceAll(a.Value(i)+"\x1f"+b.Value(i), "\r\n", "\n")
			}
			return rows
		},
		Random: func(rng *rand.Rand) formattest.Sample {
			return sampleOf("random", header+randomContent(rng), header != "")
		},
		Long: func(n int) formattest.Sample {
			long := "\"" + strings.Repeat("L,\n", n/3+1)
			return sampleOf(fmt.Sprintf("a row of %d bytes", n), header+"first,1\nsecond,2\r\n"+long[:n-2]+"\",\r\nlast,4", header != "")
		},
		Write: func(w io.Writer, rows []string, compression string) (string, error) {
			return writeTwo(w, rows, WriteOptions{Compression: compression, NoHeader: header == ""})
		},
	}
	for _, b := range bodies {
		s.Samples = append(s.Samples, sampleOf(b.name, header+b.content, header != ""))
	}
	return s
}

// short keeps of a suite what takes no time.
func short(s formattest.Suite) formattest.Suite {
	s.Samples, s.Long = s.Samples[:10], nil
	return s
}

func TestConformance(t *testing.T) {
	t.Run("header", func(t *testing.T) { formattest.Run(t, suite("A,B\n", ReadOptions{})) })
	t.Run("no header", func(t *testing.T) { formattest.Run(t, suite("", ReadOptions{NoHeader: true})) })
	// What is the same as above is left out.
	t.Run("header behind empty lines", func(t *testing.T) {
		formattest.Run(t, short(suite("\n\r\n\"A\",\"B\"\r\n", ReadOptions{})))
	})
	t.Run("read whole", func(t *testing.T) {
		formattest.Run(t, short(suite("A,B\n", ReadOptions{Comment: '#'})))
	})
}
