package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestPublishAndOpen(t *testing.T) {
	cases := []struct {
		name    string
		memory  int64
		sizes   []int
		inFiles int
	}{
		{"empty in memory", 1 << 20, nil, 0},
		{"empty in a file", 0, nil, 1},
		{"small in memory", 1 << 20, []int{100, 200, 3}, 0},
		{"small in a file", 0, []int{100, 200, 3}, 1},
		{"memory used up", 10_000, []int{100, 20_000, 3}, 1},
		{"grown in memory", 4 << 20, []int{5000, 50_000, 500_000}, 0},
		{"grown out of memory", 4 << 20, []int{500_000, 500_000, 500_000}, 1},
		{"tail above the memory", firstBytes, []int{firstBytes - 10}, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mustOpen(t, Config{Dirs: []string{t.TempDir()}, MemoryBytes: c.memory})
			out := mustPublish(t, s, outputID(1, 1), c.sizes...)
			if err := verify(s, out, c.sizes...); err != nil {
				t.Error(err)
			}
			if got := len(files(t, s)); got != c.inFiles {
				t.Errorf("%d files, want %d", got, c.inFiles)
			}
			memory, disk := s.Usage()
			if memory+disk < out.Bytes || memory > c.memory || (disk > 0) != (c.inFiles > 0) {
				t.Errorf("Usage = %d, %d for an output of %d bytes", memory, disk, out.Bytes)
			}
			if memory > out.Bytes*4/3 {
				t.Errorf("Usage = %d bytes of memory for an output of %d", memory, out.Bytes)
			}
		})
	}
}

func TestZeroConfig(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := mustOpen(t, Config{})
	if err := verify(s, mustPublish(t, s, outputID(1, 1), 10), 10); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesUnusableDirectory(t *testing.T) {
	good, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Config{Dirs: []string{good, file}})
	if fault.KindOf(err) != fault.Invalid || !regexp.MustCompile(regexp.QuoteMeta(file)).MatchString(err.Error()) {
		t.Errorf("Open = %v, want an error of kind invalid that names %s", err, file)
	}
	if entries, _ := os.ReadDir(good); len(entries) != 0 {
		t.Errorf("Open left %v behind", entries)
	}
}

func TestPublishTwice(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		s := mustOpen(t, Config{Dirs: []string{t.TempDir()}, MemoryBytes: memory})
		out := mustPublish(t, s, outputID(1, 1), 10)
		before, _ := s.Usage()
		if _, err := publish(s, outputID(1, 1), 20); fault.KindOf(err) != fault.Internal {
			t.Errorf("second publish = %v, want kind internal", err)
		}
		if err := verify(s, out, 10); err != nil {
			t.Errorf("after the second publish: %v", err)
		}
		if after, _ := s.Usage(); after != before {
			t.Errorf("memory use %d after the refused publish, %d before", after, before)
		}
	}
}

func TestPublishRefusesIndexThatDoesNotFit(t *testing.T) {
	cases := []struct {
		name     string
		segments []Segment
	}{
		{"beyond the end", []Segment{{StoredBytes: 11}}},
		{"negative", []Segment{{StoredBytes: -1}}},
		{"overlap", []Segment{{StoredBytes: 5}, {Offset: 4, StoredBytes: 1}}},
		{"buckets descend", []Segment{{Bucket: 2, StoredBytes: 5}, {Bucket: 1, Offset: 5, StoredBytes: 1}}},
		{"keys descend", []Segment{{FirstKey: []byte("b"), StoredBytes: 5}, {FirstKey: []byte("a"), Offset: 5, StoredBytes: 1}}},
		{"rows overflow", []Segment{{Rows: 1 << 62}, {Rows: 1 << 62}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
			w, err := s.Create(outputID(1, 1))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.Publish(Index{c.segments}); fault.KindOf(err) != fault.Internal {
				t.Errorf("Publish = %v, want kind internal", err)
			}
			if left := files(t, s); len(left) != 0 {
				t.Errorf("the refused output left %v", left)
			}
		})
	}
}

func TestWriterAfterItsEnd(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
	for _, end := range []struct {
		name string
		do   func(w *Writer)
	}{
		{"published", func(w *Writer) { w.Publish(Index{}) }},
		{"aborted", func(w *Writer) { w.Abort(); w.Abort() }},
	} {
		w, err := s.Create(outputID(1, len(end.name)))
		if err != nil {
			t.Fatal(err)
		}
		end.do(w)
		if _, err := w.Write([]byte("x")); err == nil {
			t.Errorf("%s: Write succeeded", end.name)
		}
		if _, _, err := w.Publish(Index{}); err == nil {
			t.Errorf("%s: Publish succeeded", end.name)
		}
	}
	if _, err := s.Open(context.Background(), plan.MapOutput{ID: outputID(1, len("published"))}); err != nil {
		t.Errorf("the published output is gone after later calls: %v", err)
	}
}

func TestSpillFile(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}})
	f, err := s.Spill(attempt(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 6)
	if n, err := f.ReadAt(b, 5); n != 6 || string(b) != "second" {
		t.Errorf("ReadAt = %d, %v, %q", n, err, b)
	}
	if n, err := f.ReadAt(b, 8); n != 3 || err != io.EOF {
		t.Errorf("ReadAt across the end = %d, %v, want 3, EOF", n, err)
	}
	if _, disk := s.Usage(); f.Offset() != 11 || disk != 11 {
		t.Errorf("Offset = %d, Usage = %d, want 11", f.Offset(), disk)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := f.Write(b); err == nil {
		t.Error("Write after Close succeeded")
	}
	if _, err := f.ReadAt(b, 0); err == nil {
		t.Error("ReadAt after Close succeeded")
	}
	if left := files(t, s); len(left) != 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestDirectoriesAreUsedInTurn(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir(), t.TempDir(), t.TempDir()}})
	for i := range 9 {
		mustPublish(t, s, outputID(1, i), 10)
	}
	for _, d := range s.dirs {
		if entries, _ := os.ReadDir(d.path); len(entries) != 3+1 {
			t.Errorf("%s has %d entries, want 3 outputs and the lock", d.path, len(entries))
		}
	}
}

func TestDrop(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		s := mustOpen(t, Config{Dirs: []string{t.TempDir()}, MemoryBytes: memory})
		keep := mustPublish(t, s, outputID(1, 1), 10)
		gone := mustPublish(t, s, outputID(1, 2), 10)
		other := mustPublish(t, s, outputID(2, 1), 10)
		opened, err := s.Open(context.Background(), gone)
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.Create(plan.OutputID{Attempt: attempt(1, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		f, err := s.Spill(attempt(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DropAttempt(attempt(1, 2)); err != nil {
			t.Fatalf("DropAttempt: %v", err)
		}
		if err := verify(s, gone, 10); fault.KindOf(err) != fault.Fetch {
			t.Errorf("dropped output: %v, want kind fetch", err)
		}
		if _, err := ReadIndex(opened, gone.Digest); err != nil {
			t.Errorf("an output opened before is not readable: %v", err)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
		if _, err := w.Write([]byte("half")); fault.KindOf(err) != fault.Canceled {
			t.Errorf("Write of a dropped attempt = %v, want kind canceled", err)
		}
		if _, _, err := w.Publish(Index{}); fault.KindOf(err) != fault.Canceled {
			t.Errorf("Publish of a dropped attempt = %v, want kind canceled", err)
		}
		if _, err := f.Write([]byte("x")); fault.KindOf(err) != fault.Canceled {
			t.Errorf("spill of a dropped attempt = %v, want kind canceled", err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close of a dropped spill file: %v", err)
		}
		if err := errors.Join(verify(s, keep, 10), verify(s, other, 10)); err != nil {
			t.Errorf("DropAttempt touched others: %v", err)
		}
		if err := errors.Join(s.DropJob(plan.JobID{1}), s.DropJob(plan.JobID{1}), s.DropAttempt(attempt(9, 9))); err != nil {
			t.Errorf("DropJob: %v", err)
		}
		if err := verify(s, keep, 10); fault.KindOf(err) != fault.Fetch {
			t.Errorf("output of a dropped job: %v, want kind fetch", err)
		}
		if err := verify(s, other, 10); err != nil {
			t.Errorf("DropJob touched another job: %v", err)
		}
		if len(s.attempts) != 1 {
			t.Errorf("%d attempts in the books, want 1", len(s.attempts))
		}
	}
}

func TestClosedStore(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
	out := mustPublish(t, s, outputID(1, 1), 10)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(outputID(1, 2)); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Create = %v, want kind canceled", err)
	}
	if _, err := s.Spill(attempt(1, 2)); err == nil {
		t.Error("Spill succeeded")
	}
	if _, err := s.Open(context.Background(), out); fault.KindOf(err) != fault.Fetch {
		t.Errorf("Open = %v, want kind fetch", err)
	}
}
