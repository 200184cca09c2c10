package formattest

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// found is what reading gave.
type found struct {
	rows    []string
	offsets []int64 // by Where
	bytes   int64   // by BytesRead
}

// write makes a file with a content. Its path has nothing of the test's name,
// which may be a pattern.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "formattest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// enumerate lists the splits of an input.
func (s *Suite) enumerate(t *testing.T, input string) (graph.Source, []plan.Split) {
	t.Helper()
	src := s.Source(input)
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatalf("Enumerate of %s: %v", input, err)
	}
	return src, splits
}

// cut cuts a split into pieces of about a size, as a scheduler does.
func cut(s plan.Split, size int64) []plan.Split {
	if !s.Cuttable {
		return []plan.Split{s}
	}
	if s.Align > 1 {
		size = (size + s.Align - 1) / s.Align * s.Align
	}
	var pieces []plan.Split
	for at := s.Offset; at < s.Offset+s.Length; at += size {
		p := s
		p.Offset, p.Length = at, min(size, s.Offset+s.Length-at)
		pieces = append(pieces, p)
	}
	return pieces
}

// read reads splits one after the other and checks what every reader promises.
func (s *Suite) read(t *testing.T, src graph.Source, splits []plan.Split, opts graph.ReadOptions) (found, error) {
	t.Helper()
	var all found
	for _, split := range splits {
		if err := s.readOne(t, src, split, opts, &all); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (s *Suite) readOne(t *testing.T, src graph.Source, split plan.Split, opts graph.ReadOptions, all *found) (err error) {
	t.Helper()
	r, err := src.Open(t.Context(), split, opts)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(); closeErr != nil {
			t.Errorf("Close: %v", closeErr)
		}
	}()
	first := len(all.rows)
	var batches []arrow.Record
	for {
		batch, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		s.checkBatch(t, src, r, batch, opts.WithDefaults(), all)
		batches = append(batches, batch)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("Next after the end: error %v, want io.EOF", err)
	}
	all.bytes += r.BytesRead()
	// Everything is read; the batches must still be what they were.
	var again []string
	for _, batch := range batches {
		again = append(again, s.Render(batch)...)
	}
	if want := all.rows[first:]; !slices.Equal(again, want) {
		t.Errorf("rows after the end of reading are %q, were %q", clip(again), clip(want))
	}
	return nil
}

// placeIn returns the N of ", offset N" in a text.
func placeIn(text string) (offset int64, ok bool) {
	_, digits, ok := strings.Cut(text, ", offset ")
	end := 0
	for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	offset, err := strconv.ParseInt(digits[:end], 10, 64)
	return offset, ok && err == nil
}

// checkBatch checks one batch against the options and takes its rows. What is
// rendered is cloned, so that later changes of the batch's memory show.
func (s *Suite) checkBatch(t *testing.T, src graph.Source, r graph.BatchReader, batch arrow.Record, opts graph.ReadOptions, all *found) {
	t.Helper()
	rows := s.Render(batch)
	if !batch.Schema().Equal(src.Schema()) {
		t.Errorf("schema of a batch is %v, want %v", batch.Schema(), src.Schema())
	}
	if n := len(rows); n < 1 || n > opts.BatchRows {
		t.Errorf("batch of %d rows, want 1 to %d", n, opts.BatchRows)
	}
	first := len(all.offsets)
	for i, row := range rows {
		all.rows = append(all.rows, strings.Clone(row))
		where := r.Where(i)
		offset, ok := placeIn(where)
		if !ok {
			t.Fatalf("Where(%d) = %q, want \"path, offset N\"", i, where)
		}
		all.offsets = append(all.offsets, offset)
	}
	// The last row's own length is not known here, so it is left out.
	if span := all.offsets[len(all.offsets)-1] - all.offsets[first]; len(rows) > 1 && span > int64(opts.BatchBytes) {
		t.Errorf("batch of %d rows and more than %d bytes, want about %d", len(rows), span, opts.BatchBytes)
	}
}

// want checks what was found against a sample.
func want(t *testing.T, doing string, got found, sample Sample) {
	t.Helper()
	if !slices.Equal(got.rows, sample.Rows) {
		t.Fatalf("%s: %s gives rows %q, want %q", doing, sample.Name, clip(got.rows), clip(sample.Rows))
	}
	if !slices.Equal(got.offsets, sample.Offsets) {
		t.Fatalf("%s: %s gives places %v, want %v", doing, sample.Name, clip(got.offsets), clip(sample.Offsets))
	}
}

// wantInvalid checks an error that the user's file is to blame for.
func wantInvalid(t *testing.T, doing string, err error, path string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: no error", doing)
	}
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), path) {
		t.Fatalf("%s: error %q of kind %v, want an invalid one that names %s", doing, err, fault.KindOf(err), path)
	}
}

// clip keeps failures readable.
func clip[T any](s []T) []T { return s[:min(len(s), 20)] }
