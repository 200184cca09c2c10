package fixed

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

func sampleOf(name string, data []byte, rowBytes int) formattest.Sample {
	s := formattest.Sample{Name: name, Data: data}
	for at := 0; at < len(data); at += rowBytes {
		s.Rows = append(s.Rows, string(data[at:at+rowBytes]))
		s.Offsets = append(s.Offsets, int64(at))
	}
	return s
}

func counting(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7)
	}
	return data
}

func write(w io.Writer, rowBytes int, rows []string, compression string) (string, error) {
	f, err := NewFormat(rowBytes, WriteOptions{Compression: compression})
	if err != nil {
		return "", err
	}
	var all [][]byte
	for _, row := range rows {
		all = append(all, []byte(row))
	}
	return formattest.WriteRows(w, f, all)
}

func TestConformance(t *testing.T) {
	for _, n := range []int{1, 3, 100, 300_000} {
		t.Run(fmt.Sprintf("rows of %d bytes", n), func(t *testing.T) {
			s := formattest.Suite{
				Source: func(input string) graph.Source { return Source(input, n) },
				Suffix: ".bin", SuffixOnly: true,
				Samples: []formattest.Sample{
					sampleOf("one row", counting(n), n),
					sampleOf("three rows", counting(3*n), n),
					sampleOf("empty", nil, n),
					sampleOf("newlines", bytes.Repeat([]byte("\n"), 5*n), n),
					sampleOf("like gzip", append([]byte("\x1f\x8b\x08"), make([]byte, 9*n-3)...), n),
					sampleOf("many rows", counting(min(20_000, 1_000_000/n)*n), n),
				},
				Write: func(w io.Writer, rows []string, compression string) (string, error) {
					return write(w, n, rows, compression)
				},
			}
			if n <= 100 {
				s.Random = func(rng *rand.Rand) formattest.Sample {
					return sampleOf("random", counting(rng.IntN(20)*n), n)
				}
			} else {
				s.Samples[0] = sampleOf("empty and short", nil, n)
			}
			formattest.Run(t, s)
		})
	}
}

func TestSizeMustBeWholeRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.bin")
	for _, c := range []struct {
		name, suffix string
		size         int
		want         []string
	}{
		{"one byte more", "", 301, []string{"301 bytes", "100 bytes", "3 rows and 1 bytes"}},
		{"less than a row", "", 99, []string{"99 bytes", "100 bytes"}},
		{"compressed", ".gz", 250, []string{"offset 200", "50 bytes of 100"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := path + c.suffix
			data := counting(c.size)
			if c.suffix != "" {
				data = formattest.Compress(t, c.suffix, data)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			err := readAll(t, Source(path, 100), graph.ReadOptions{})
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("error %v, want an invalid one", err)
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func readAll(t testing.TB, src graph.Source, opts graph.ReadOptions) error {
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		return err
	}
	for _, split := range splits {
		r, err := src.Open(t.Context(), split, opts)
		if err != nil {
			return err
		}
		for err == nil {
			_, err = r.Next()
		}
		if closeErr := r.Close(); closeErr != nil {
			t.Errorf("Close: %v", closeErr)
		}
		if err != io.EOF {
			return err
		}
	}
	return nil
}

func TestRowLengthIsChecked(t *testing.T) {
	for _, n := range []int{0, -1} {
		src := Source(t.TempDir(), n)
		if err := readAll(t, src, graph.ReadOptions{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("rows of %d bytes: error %v, want an invalid one", n, err)
		}
		if _, err := NewFormat(n); fault.KindOf(err) != fault.Invalid {
			t.Errorf("NewFormat(%d): error %v, want an invalid one", n, err)
		}
	}
	path := filepath.Join(t.TempDir(), "rows.bin")
	if err := os.WriteFile(path, counting(200), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readAll(t, Source(path, 100), graph.ReadOptions{MaxRowBytes: 100}); err != nil {
		t.Errorf("rows at the limit: %v", err)
	}
	err := readAll(t, Source(path, 100), graph.ReadOptions{MaxRowBytes: 99})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), path) {
		t.Errorf("rows above the limit: error %v, want an invalid one that names the file", err)
	}
}

func TestWriterChecksEachRow(t *testing.T) {
	for _, row := range []string{"", "ab", "abcd"} {
		if _, err := write(io.Discard, 3, []string{"abc", row}, ""); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a row %q among rows of 3 bytes: error %v, want an invalid one", row, err)
		}
	}
	if _, err := NewFormat(3, WriteOptions{}, WriteOptions{}); err == nil {
		t.Error("two sets of options: no error")
	}
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "rows.bin")
	data := counting(64_000_000)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.Fatal(err)
	}
	src := Source(path, 100)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := readAll(b, src, graph.ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
