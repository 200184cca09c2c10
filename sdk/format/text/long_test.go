package text

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// longLines are lines around the sizes at which windows grow, are given away
// and are dropped.
func longLines(r *rand.Rand) []string {
	sizes := []int{0, 5, 255 << 10, 256 << 10, 700 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 1300 << 10, 2 << 20, 5<<20 + 3}
	var lines []string
	for range 24 {
		n := sizes[r.IntN(len(sizes))]
		line := make([]byte, n)
		for i := range line {
			line[i] = 'a' + byte(i*7+len(lines))%26
		}
		lines = append(lines, string(line))
	}
	return lines
}

// readSplits reads splits and keeps all batches until the end: what a batch views
// must not be written again.
func readSplits(t *testing.T, path string, splits []plan.Split, opts graph.ReadOptions) []string {
	t.Helper()
	var batches []*array.String
	for _, s := range splits {
		r, err := Source(path).Open(t.Context(), s, opts)
		if err != nil {
			t.Fatal(err)
		}
		for {
			batch, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			batches = append(batches, batch.Column(0).(*array.String))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, b := range batches {
		for i := range b.Len() {
			got = append(got, b.Value(i))
		}
	}
	return got
}

func TestLongLines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	files := 6
	if testing.Short() {
		files = 2
	}
	for i := range files {
		lines := longLines(r)
		end := []string{"\n", "\r\n"}[i%2]
		content := strings.Join(lines, end)
		if last := lines[len(lines)-1]; i%3 == 0 || last == "" {
			content += end
		}
		plain := file(t, "long.txt", content)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		io.WriteString(w, content)
		w.Close()
		for _, path := range []string{plain, file(t, "long.txt.gz", packed.String())} {
			splits, err := Source(path).Enumerate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if path == plain {
				whole := splits[0]
				splits = nil
				for at := int64(0); at < whole.Length; {
					s := whole
					s.Offset, s.Length = at, min(1+r.Int64N(4<<20), whole.Length-at)
					splits = append(splits, s)
					at += s.Length
				}
			}
			var asked []int64
			got := readSplits(t, path, splits, graph.ReadOptions{Room: func(n int64) error { asked = append(asked, n); return nil }})
			if !slices.Equal(got, lines) {
				t.Errorf("%d, %s: %d lines, want %d, or others", i, path, len(got), len(lines))
			}
			if len(asked) == 0 || slices.Max(asked) > 10<<20 || path == plain && slices.Max(asked) > 5<<20+8 {
				t.Errorf("%d, %s: room was asked for windows of %v bytes, want some, as long as the longest line", i, path, asked)
			}
		}
	}
}

func TestLongLineWithoutRoom(t *testing.T) {
	path := file(t, "long.txt", "short\n"+strings.Repeat("x", 3<<20))
	splits, err := Source(path).Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no room")
	r, err := Source(path).Open(t.Context(), splits[0], graph.ReadOptions{Room: func(n int64) error {
		if n > 1<<20 {
			return refused
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, refused) {
		t.Errorf("Next without room = %v, want %v", err, refused)
	}
}

// TestLongLineIsNotCopied checks that a batch of one long line is the window.
func TestLongLineIsNotCopied(t *testing.T) {
	const n = 8 << 20
	path := file(t, "long.txt", strings.Repeat("x", n)+"\nshort\n")
	splits, err := Source(path).Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			readSplits(t, path, splits, graph.ReadOptions{})
		}
	})
	if got := result.AllocedBytesPerOp(); got > n+n/2 {
		t.Errorf("reading a line of %d bytes allocates %d, want less than one and a half times that", n, got)
	}
}

type longPair struct {
	Key   string
	Count int
	Raw   []byte
	Note  *string
}

// TestLongRowsAreWrittenAlike compares long rows, which are written piece by
// piece, with what short ones promise.
func TestLongRowsAreWrittenAlike(t *testing.T) {
	note := strings.Repeat("n", 100<<10)
	var rows []longPair
	var want strings.Builder
	for i, n := range []int{1, 60 << 10, 64 << 10, 65 << 10, 2 << 20, 0, 1 << 20, 3} {
		row := longPair{strings.Repeat("k", n), i, bytes.Repeat([]byte("r"), n/2), nil}
		if i%2 == 0 {
			row.Note = &note
		}
		rows = append(rows, row)
		fmt.Fprintf(&want, "%s\t%d\t%s\t", row.Key, i, row.Raw)
		if row.Note != nil {
			want.WriteString(note)
		}
		want.WriteByte('\n')
	}
	f, err := NewFormat[longPair]()
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, f, rows); got != want.String() {
		t.Errorf("long rows are written as %d bytes, want %d, or others", len(got), want.Len())
	}
	for _, compression := range []string{"gzip", "zstd"} {
		f, err := NewFormat[string](WriteOptions{Compression: compression})
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{strings.Repeat("a", 2<<20), "b", strings.Repeat("c", 1<<20)}
		path := file(t, "long.txt"+f.Suffix()[len(".txt"):], written(t, f, lines))
		splits, err := Source(path).Enumerate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := readSplits(t, path, splits, graph.ReadOptions{}); !slices.Equal(got, lines) {
			t.Errorf("%s: %d lines come back, want %d, or others", compression, len(got), len(lines))
		}
	}
}
