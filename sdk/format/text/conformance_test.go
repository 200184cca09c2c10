package text

import (
	"bytes"
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

// sampleOf finds the lines of data by the plainest means.
func sampleOf(name, data string) formattest.Sample {
	s := formattest.Sample{Name: name, Data: []byte(data)}
	at := 0
	for line := range strings.Lines(data) {
		s.Offsets = append(s.Offsets, int64(at))
		at += len(line)
		if row, ended := strings.CutSuffix(line, "\n"); ended {
			line = strings.TrimSuffix(row, "\r")
		}
		s.Rows = append(s.Rows, line)
		s.OneWay = s.OneWay || strings.HasSuffix(line, "\r")
	}
	return s
}

func randomSample(rng *rand.Rand) formattest.Sample {
	var b strings.Builder
	for n := rng.IntN(150); b.Len() < n; {
		switch rng.IntN(6) {
		case 0:
			b.WriteString("\n")
		case 1:
			b.WriteString("\r\n")
		case 2:
			b.WriteString("\r")
		default:
			b.WriteString(strings.Repeat(string(byte(rng.IntN(256))), rng.IntN(20)))
		}
	}
	return sampleOf("random", b.String())
}

func writeLines(w io.Writer, rows []string, compression string) (string, error) {
	f, err := NewFormat[string](WriteOptions{Compression: compression})
	if err != nil {
		return "", err
	}
	return formattest.WriteRows(w, f, rows)
}

var samples = []formattest.Sample{
	sampleOf("plain", "to be\nor not to be\nthat is the question\n"),
	sampleOf("no final newline", "a\nbb\nccc"),
	sampleOf("empty", ""),
	sampleOf("one empty line", "\n"),
	sampleOf("only newlines", "\n\n\n\n\n\n\n\n\n\n\n"),
	sampleOf("crlf", "one\r\ntwo\r\n\r\nfour\r\n"),
	sampleOf("mixed ends", "one\r\ntwo\nthree\r\n\n\r\nsix"),
	sampleOf("carriage returns inside", "a\rb\r\r\nc\n\r"),
	sampleOf("not utf-8", "\xff\xfe\x00a\n\x80\n\xc3\n"),
	sampleOf("one long line", strings.Repeat("x", 300)),
	sampleOf("lengths around eight", func() string {
		var b strings.Builder
		for n := range 20 {
			fmt.Fprintln(&b, strings.Repeat("y", n))
		}
		return b.String()
	}()),
	sampleOf("many short lines", strings.Repeat("word\n", 9_000)),
	sampleOf("short lines and then long ones", strings.Repeat("\n", 9_000)+strings.Repeat(strings.Repeat("z", 2000)+"\r\n", 200)),
}

func suite(source func(string) graph.Source) formattest.Suite {
	return formattest.Suite{
		Source: source, Suffix: ".txt", Samples: samples, Random: randomSample, Write: writeLines,
		Long: func(n int) formattest.Sample {
			long := string(bytes.Repeat([]byte("L"), n))
			return sampleOf(fmt.Sprintf("a line of %d bytes", n), "first\nsecond\r\n"+long+"\r\nlast")
		},
	}
}

func TestConformance(t *testing.T) { formattest.Run(t, suite(Source)) }

func TestLinesConformance(t *testing.T) {
	s := suite(LinesSource)
	s.Render = func(batch arrow.Record) []string {
		rows := make([]string, batch.NumRows())
		for i := range rows {
			rows[i] = batch.Column(2).(*array.String).Value(i)
		}
		return rows
	}
	formattest.Run(t, s)
}
