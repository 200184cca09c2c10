package jsonl

import (
	"encoding/json"
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

// sampleOf finds the rows of data by the plainest means. Each is shown as
// show makes of its line.
func sampleOf(name, data string, show func(line string) string) formattest.Sample {
	s := formattest.Sample{Name: name, Data: []byte(data)}
	at := 0
	for line := range strings.Lines(data) {
		if row := strings.Trim(strings.TrimPrefix(line, byteOrderMark), " \t\r\n"); row != "" {
			s.Rows = append(s.Rows, show(row))
			s.Offsets = append(s.Offsets, int64(at))
		}
		at += len(line)
	}
	return s
}

func writeRows[T any](w io.Writer, rows []T, compression string) (string, error) {
	f, err := NewFormat[T](WriteOptions{Compression: compression})
	if err != nil {
		return "", err
	}
	return formattest.WriteRows(w, f, rows)
}

func unquoted(line string) string {
	var s string
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		panic(err)
	}
	return s
}

func quotedSample(name, data string) formattest.Sample { return sampleOf(name, data, unquoted) }

func TestConformanceOfStrings(t *testing.T) {
	formattest.Run(t, formattest.Suite{
		Source: func(input string) graph.Source { return Source[string](input) }, Suffix: ".jsonl",
		Samples: []formattest.Sample{
			quotedSample("plain", "\"to be\"\n\"or not to be\"\n\"that\"\n"),
			quotedSample("no final newline", "\"a\"\n\"bb\"\n\"ccc\""),
			quotedSample("empty", ""),
			quotedSample("blank lines", "\n\n  \n\"a\"\n\t\n\r\n\"b\"\n\n"),
			quotedSample("only blank lines", "\n\n\n \n\n\r\n"),
			quotedSample("blank last line", "\"a\"\n  "),
			quotedSample("crlf", "\"one\"\r\n\"two\"\r\n\r\n\"\"\r\n"),
			quotedSample("white space around", "  \"a\" \n\t\"b\"\t\r\n\"c\"  "),
			quotedSample("byte order mark", byteOrderMark+"\"a\"\n\"b\"\n"),
			quotedSample("byte order mark and a blank line", byteOrderMark+"\n\"b\"\n"),
			quotedSample("escapes", `"\n\"\\\/\u0041\ud83d\ude00"`+"\n"+`"\t é 😀"`+"\n"),
			quotedSample("lengths around eight", func() string {
				var b strings.Builder
				for n := range 18 {
					fmt.Fprintf(&b, "%q\n", strings.Repeat("y", n))
				}
				return b.String()
			}()),
			quotedSample("many short lines", strings.Repeat("\"word\"\n", 9_000)),
			quotedSample("short lines and then long ones", strings.Repeat("\n", 9_000)+strings.Repeat("\""+strings.Repeat("z", 2000)+"\"\r\n", 200)),
		},
		Random: func(rng *rand.Rand) formattest.Sample {
			var b strings.Builder
			for n := rng.IntN(150); b.Len() < n; {
				text, _ := json.Marshal(strings.Repeat(string(rune(rng.IntN(500))), rng.IntN(20)))
				b.WriteString([]string{"", " ", "\t\r"}[rng.IntN(3)])
				if rng.IntN(4) > 0 {
					b.Write(text)
				}
				b.WriteString([]string{"\n", "\r\n", " \n"}[rng.IntN(3)])
			}
			return quotedSample("random", b.String())
		},
		Write: writeRows[string],
		Long: func(n int) formattest.Sample {
			return quotedSample(fmt.Sprintf("a row of %d bytes", n), "\"first\"\n\"second\"\r\n\""+strings.Repeat("L", n-2)+"\"\r\n\"last\"")
		},
	})
}

type point struct {
	X     int64   `json:"x"`
	Label *string `json:"label,omitempty"`
	Tags  []string
}

func showPoint(line string) string {
	var p point
	if err := json.Unmarshal([]byte(line), &p); err != nil {
		panic(err)
	}
	return p.String()
}

// String shows the point as encoding/json does.
func (p point) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestConformanceOfStructs(t *testing.T) {
	formattest.Run(t, formattest.Suite{
		Source: func(input string) graph.Source { return Source[point](input) }, Suffix: ".jsonl",
		Samples: []formattest.Sample{
			sampleOf("plain", `{"x":1,"label":"a"}`+"\n"+`{"x":-2,"Tags":[]}`+"\n", showPoint),
			sampleOf("other orders and unknown members", `{"Tags":["p","q"],"z":{"x":[9]},"x":1}`+"\n"+`{ "label" : "\u0062", "x" : 7 }`+"\r\n\n"+`{}`, showPoint),
			sampleOf("many", strings.Repeat(`{"x":12345,"label":"label","Tags":["a","b"]}`+"\n", 9_000), showPoint),
		},
		Write: func(w io.Writer, rows []string, compression string) (string, error) {
			points := make([]point, len(rows))
			for i, row := range rows {
				if err := json.Unmarshal([]byte(row), &points[i]); err != nil {
					return "", err
				}
			}
			return writeRows(w, points, compression)
		},
		Render: func(batch arrow.Record) []string {
			rows := make([]string, batch.NumRows())
			for i := range rows {
				p := point{X: batch.Column(0).(*array.Int64).Value(i)}
				if labels := batch.Column(1).(*array.String); labels.IsValid(i) {
					label := labels.Value(i)
					p.Label = &label
				}
				if lists := batch.Column(2).(*array.List); lists.IsValid(i) {
					p.Tags = []string{}
					from, to := lists.ValueOffsets(i)
					for j := from; j < to; j++ {
						p.Tags = append(p.Tags, lists.ListValues().(*array.String).Value(int(j)))
					}
				}
				rows[i] = p.String()
			}
			return rows
		},
	})
}
