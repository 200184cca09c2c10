package text

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWhereCountsLines checks the line numbers, which are free in the first
// piece of a file and absent in the others.
func TestWhereCountsLines(t *testing.T) {
	path := file(t, "lines.txt", "a\r\nbb\nccc\ndddd\n")
	src := Source(path)
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := splits[0], splits[0]
	first.Length = 5
	second.Offset, second.Length = 5, splits[0].Length-5
	for _, c := range []struct {
		split int
		want  []string
	}{
		{0, []string{path + ", offset 0, line 1", path + ", offset 3, line 2"}},
		{1, []string{path + ", offset 6", path + ", offset 10"}},
	} {
		r, err := src.Open(t.Context(), []plan.Split{first, second}[c.split], graph.ReadOptions{BatchRows: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if _, err := r.Next(); err != nil {
				t.Fatalf("piece %d, batch %d: %v", c.split, i, err)
			}
			if got := r.Where(0); got != want {
				t.Errorf("piece %d, batch %d: Where(0) = %q, want %q", c.split, i, got, want)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("piece %d: error %v after its lines, want io.EOF", c.split, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLinesSourceTellsPlaces(t *testing.T) {
	path := file(t, "lines.txt", "a\r\nbb\nccc")
	src := LinesSource(path)
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(t.Context(), splits[0], graph.ReadOptions{BatchRows: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		batch, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(batch.NumRows()) {
			got = append(got, fmt.Sprintf("%s:%s:%s", batch.Column(0).ValueStr(i), batch.Column(1).ValueStr(i), batch.Column(2).ValueStr(i)))
		}
	}
	want := fmt.Sprintf("%[1]s:1:a %[1]s:2:bb %[1]s:3:ccc", path)
	if s := strings.Join(got, " "); s != want {
		t.Errorf("lines are %q, want %q", s, want)
	}
}

// BenchmarkRead reads a file of 64 MiB as a task does, and for comparison
// splits the same bytes by bytes.IndexByte without reading or keeping them.
func BenchmarkRead(b *testing.B) {
	for _, mean := range []int{10, 80, 400} {
		line := strings.Repeat("the quick brown fox jumps over the lazy dog ", 20)
		var content bytes.Buffer
		for i := 0; content.Len() < 64<<20; i++ {
			content.WriteString(line[:i*7919%(2*mean)])
			content.WriteByte('\n')
		}
		path := file(b, "bench.txt", content.String())
		src := Source(path)
		splits, err := src.Enumerate(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("mean=%d/Source", mean), func(b *testing.B) {
			b.SetBytes(int64(content.Len()))
			for b.Loop() {
				readAll(b, src, splits[0])
			}
		})
		b.Run(fmt.Sprintf("mean=%d/IndexByte", mean), func(b *testing.B) {
			b.SetBytes(int64(content.Len()))
			for b.Loop() {
				n := 0
				for data := content.Bytes(); ; n++ {
					i := bytes.IndexByte(data, '\n')
					if i < 0 {
						break
					}
					data = data[i+1:]
				}
			}
		})
	}
}

// BenchmarkReadSmallFiles reads many files of 1 KiB, one reader each.
func BenchmarkReadSmallFiles(b *testing.B) {
	path := file(b, "small.txt", strings.Repeat("a line of a small file\n", 44))
	src := Source(path)
	splits, err := src.Enumerate(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, src, splits[0])
	}
}

func readAll(b *testing.B, src graph.Source, split plan.Split) {
	r, err := src.Open(b.Context(), split, graph.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for {
		_, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}
