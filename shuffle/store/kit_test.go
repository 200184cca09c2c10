package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		children[os.Getenv(childRoleEnv)](dir)
	}
	goleak.VerifyTestMain(m)
}

func mustOpen(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open(%+v): %v", cfg, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if memory, disk := s.Usage(); memory != 0 || disk != 0 {
			t.Errorf("Usage after Close = %d, %d, want 0, 0", memory, disk)
		}
		for _, d := range s.dirs {
			if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("Close left %s behind: %v", d.path, err)
			}
		}
	})
	return s
}

func attempt(job byte, index int) plan.AttemptID {
	return plan.AttemptID{Job: plan.JobID{job}, Task: plan.TaskID{Stage: 1, Index: index}}
}

func outputID(job byte, index int) plan.OutputID {
	return plan.OutputID{Attempt: attempt(job, index), Exchange: 2}
}

// fill writes segments of the given sizes, without publishing.
func fill(w *Writer, sizes ...int) (Index, error) {
	var ix Index
	for i, size := range sizes {
		ix.Segments = append(ix.Segments, Segment{
			Bucket: uint32(i), Offset: w.Offset(), StoredBytes: int64(size), RawBytes: int64(2 * size), Rows: int64(i + 1), Sum: uint64(i), Xor: uint64(size),
		})
		if _, err := w.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
			return Index{}, err
		}
	}
	return ix, nil
}

// publish makes a map output of segments of the given sizes.
func publish(s *Store, id plan.OutputID, sizes ...int) (plan.MapOutput, error) {
	w, err := s.Create(id)
	if err != nil {
		return plan.MapOutput{}, err
	}
	defer w.Abort()
	ix, err := fill(w, sizes...)
	if err != nil {
		return plan.MapOutput{}, err
	}
	digest, n, err := w.Publish(ix)
	return plan.MapOutput{ID: id, Digest: digest, Bytes: n}, err
}

func mustPublish(t testing.TB, s *Store, id plan.OutputID, sizes ...int) plan.MapOutput {
	t.Helper()
	out, err := publish(s, id, sizes...)
	if err != nil {
		t.Fatalf("publish %v: %v", id, err)
	}
	return out
}

// verify reads a map output of publish and compares everything.
func verify(s *Store, out plan.MapOutput, sizes ...int) (err error) {
	o, err := s.Open(context.Background(), out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	ix, err := ReadIndex(o, out.Digest)
	if err != nil {
		return err
	}
	if o.Size() != out.Bytes || len(ix.Segments) != len(sizes) {
		return fmt.Errorf("output of %d bytes and %d segments, want %d and %d", o.Size(), len(ix.Segments), out.Bytes, len(sizes))
	}
	for i, seg := range ix.Segments {
		got := make([]byte, seg.StoredBytes)
		if n, err := o.ReadAt(got, seg.Offset); n < len(got) {
			return err
		}
		if !bytes.Equal(got, bytes.Repeat([]byte{byte('a' + i)}, sizes[i])) {
			return fmt.Errorf("segment %d has other bytes", i)
		}
	}
	return nil
}

func files(t testing.TB, s *Store) []string {
	t.Helper()
	var names []string
	for _, d := range s.dirs {
		entries, err := os.ReadDir(d.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != lockName {
				names = append(names, filepath.Join(d.path, e.Name()))
			}
		}
	}
	return names
}
