package csv

import (
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writeFile makes a file in a directory of the test's own, whose name has
// nothing of the test's, which may be a pattern.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "csvtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readRows reads all rows of a source, its files cut into pieces of a size; 0
// leaves them whole.
func readRows[T any](t testing.TB, src graph.Source, piece int64, opts graph.ReadOptions) (rows []T, err error) {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		return nil, err
	}
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range splits {
		for _, s := range pieces(s, piece) {
			r, err := src.Open(t.Context(), s, opts)
			if err != nil {
				return nil, err
			}
			for {
				batch, err := r.Next()
				if err != nil {
					if closeErr := r.Close(); closeErr != nil {
						t.Errorf("Close: %v", closeErr)
					}
					if err != io.EOF {
						return nil, err
					}
					break
				}
				some := make([]T, batch.NumRows())
				if err := column.ScanRows(typ, batch, 0, some); err != nil {
					return nil, errors.Join(err, r.Close())
				}
				rows = append(rows, some...)
			}
		}
	}
	return rows, nil
}

func pieces(s plan.Split, size int64) (cut []plan.Split) {
	if size == 0 || !s.Cuttable {
		return []plan.Split{s}
	}
	for at := int64(0); at < s.Length; at += size {
		p := s
		p.Offset, p.Length = at, min(size, s.Length-at)
		cut = append(cut, p)
	}
	return cut
}

// read reads content as rows of T.
func read[T any](t testing.TB, content string, opts ...ReadOptions) ([]T, error) {
	t.Helper()
	return readRows[T](t, Source[T](writeFile(t, "file.csv", content), opts...), 0, graph.ReadOptions{})
}

// reference reads content by package encoding/csv, and says where each row
// begins, empty lines before it included.
func reference(content string, set func(*stdcsv.Reader)) (rows [][]string, offsets []int64, err error) {
	r := stdcsv.NewReader(strings.NewReader(content))
	set(r)
	for {
		offset := r.InputOffset()
		row, err := r.Read()
		if err == io.EOF {
			return rows, offsets, nil
		}
		if err != nil {
			return nil, nil, err
		}
		rows, offsets = append(rows, row), append(offsets, offset)
	}
}

// one, two and three are rows of as many texts.
type one struct{ A string }

type two struct{ A, B string }

type three struct{ A, B, C string }

func show(row []string) string { return fmt.Sprintf("%q", row) }

func (r one) texts() []string   { return []string{r.A} }
func (r two) texts() []string   { return []string{r.A, r.B} }
func (r three) texts() []string { return []string{r.A, r.B, r.C} }

// shown shows rows as encoding/csv gives them: it makes "\n" of "\r\n" inside
// quotes, which package csv keeps.
func shown[T interface{ texts() []string }](rows []T) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		texts := row.texts()
		for j := range texts {
			texts[j] = strings.ReplaceAll(texts[j], "\r\n", "\n")
		}
		all[i] = show(texts)
	}
	return all
}

func shownReference(rows [][]string) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = show(row)
	}
	return all
}

// skipEmpty returns offset behind the empty lines that begin there.
func skipEmpty(content string, offset int64) int64 {
	for {
		rest := content[offset:]
		switch {
		case strings.HasPrefix(rest, "\n"):
			offset++
		case strings.HasPrefix(rest, "\r\n"):
			offset += 2
		default:
			return offset
		}
	}
}
