package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failingWriter fails at the failAt-th write, from 1.
type failingWriter struct{ failAt, writes int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes == w.failAt {
		return 0, errDisk
	}
	return len(p), nil
}

func numbersFormat(c Compression) graph.Format[int] {
	f, err := NewFormat(Rows[int]{Format: "numbers", Suffix: ".n", Compression: c.String(), Header: []byte("n\n"),
		Append: func(dst []byte, rows []int) ([]byte, error) {
			for _, row := range rows {
				if row < 0 {
					return nil, fmt.Errorf("row %d is negative", row)
				}
				dst = fmt.Appendln(dst, row)
			}
			return dst, nil
		}})
	return OrBroken("numbers", f, err)
}

func writeNumbers(w io.Writer, c Compression, rows []int) error {
	rw, err := numbersFormat(c).NewWriter(w)
	if err != nil {
		return err
	}
	if err := rw.Write(rows); err != nil {
		if again := rw.Close(); again != err {
			return fmt.Errorf("Close after the error %v: %v", err, again)
		}
		return err
	}
	return rw.Close()
}

func numbers(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i * 1_000_003
	}
	return rows
}

func TestWriterEveryWriteFails(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		for failAt := 1; ; failAt++ {
			w := &failingWriter{failAt: failAt}
			err := writeNumbers(w, c, numbers(8000))
			if w.writes < failAt {
				if err != nil {
					t.Fatalf("%v without a failure: %v", c, err)
				}
				break
			}
			if !errors.Is(err, errDisk) {
				t.Fatalf("%v, write %d fails: error %v, want %v", c, failAt, err, errDisk)
			}
		}
	}
}

func TestWriterStopsAtABadRow(t *testing.T) {
	var buf bytes.Buffer
	rows := append(numbers(10_000), -1, 5)
	if err := writeNumbers(&buf, None, rows); err == nil || err.Error() != "row -1 is negative" {
		t.Errorf("error %v, want that of the row", err)
	}
}

func TestWriteAfterClose(t *testing.T) {
	rw, err := numbersFormat(None).NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := rw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rw.Write([]int{1}); err == nil {
		t.Error("Write after Close: no error")
	}
}

// TestReadFile also shows that headers and compressions come out right.
func TestReadFile(t *testing.T) {
	want := "n\n0\n1000003\n2000006\n"
	dir := t.TempDir()
	for c := None; c <= Zstd; c++ {
		var buf bytes.Buffer
		if err := writeNumbers(&buf, c, numbers(3)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"file" + numbersFormat(c).Suffix(), "file-" + c.String()} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := ReadFile(path)
			if err != nil || string(got) != want {
				t.Errorf("ReadFile(%s) = %q, %v, want %q", name, got, err, want)
			}
		}
	}
	for name, data := range map[string]string{"missing": "", "plain.gz": "plain"} {
		path := filepath.Join(dir, name)
		if data != "" {
			if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("ReadFile(%s): error %v, want one that names it", name, err)
		}
	}
}

func TestParsesCompressionNames(t *testing.T) {
	for name, want := range map[string]Compression{"": None, "none": None, "gzip": Gzip, "zstd": Zstd} {
		got, err := parseCompression(name)
		if got != want || err != nil {
			t.Errorf("parseCompression(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := parseCompression("gz"); err == nil {
		t.Error(`parseCompression("gz"): no error`)
	}
}
