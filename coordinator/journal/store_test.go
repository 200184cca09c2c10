package journal

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/sheafdata/sheaf/internal/fault"
)

// TestFirstFailureIsTheLast checks that nothing is written after a write of
// which nobody knows how far it came.
func TestFirstFailureIsTheLast(t *testing.T) {
	m, err := openMark(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.file.Close()
	s := &watchedStore{WAL: new(wal.WAL), mark: m, failed: make(chan error, 1)}
	cause := errors.New("input/output error")
	if err := s.watch(func() error { return cause }); !errors.Is(err, cause) {
		t.Errorf("watch = %v, want %v", err, cause)
	}
	for name, write := range map[string]func() error{
		"StoreLog":    func() error { return s.StoreLog(&raft.Log{Index: 1}) },
		"DeleteRange": func() error { return s.DeleteRange(1, 1) },
		"Set":         func() error { return s.Set([]byte("k"), nil) },
		"SetUint64":   func() error { return s.SetUint64([]byte("k"), 1) },
	} {
		if err := write(); !errors.Is(err, errBroken) {
			t.Errorf("%s after a failure = %v, want %v", name, err, errBroken)
		}
	}
	if err := <-s.failed; !errors.Is(err, cause) || fault.KindOf(err) != fault.Resource {
		t.Errorf("Failed gave %v, want the cause", err)
	}
}

// TestEndThatAnotherLeaderKnowsBetter: a log whose end was cut off opens again, as
// that of a leader must that was killed with an entry which it alone had.
func TestEndThatAnotherLeaderKnowsBetter(t *testing.T) {
	dir := t.TempDir()
	m, err := openMark(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.file.Close()
	opened := func(do func(*watchedStore) error) {
		t.Helper()
		meta := &metadb.BoltMetaDB{}
		log, err := wal.Open(dir, wal.WithSegmentSize(segmentBytes), wal.WithMetaStore(meta), wal.WithLogger(hclog.NewNullLogger()))
		if err != nil {
			t.Fatal(err)
		}
		err = do(&watchedStore{WAL: log, mark: m, failed: make(chan error, 1)})
		if err := errors.Join(err, log.Close(), meta.Close()); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(index, term uint64) *raft.Log { return &raft.Log{Index: index, Term: term, Type: raft.LogNoop} }
	opened(func(s *watchedStore) error {
		return errors.Join(s.StoreLogs([]*raft.Log{entry(1, 1), entry(2, 1), entry(3, 1)}), s.DeleteRange(3, 3), s.StoreLog(entry(3, 2)))
	})
	for range 2 {
		opened(func(s *watchedStore) error {
			var last raft.Log
			err := errors.Join(verify(t.Context(), s.WAL, m), s.GetLog(3, &last))
			if err == nil && last.Term != 2 {
				t.Errorf("entry 3 is of term %d, want 2", last.Term)
			}
			return err
		})
	}
}

func TestMark(t *testing.T) {
	m, err := openMark(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.file.Close()
	if got := m.get(); got != 0 {
		t.Errorf("get of a new mark = %d, want 0", got)
	}
	if err := m.set(7); err != nil {
		t.Fatal(err)
	}
	if err := m.check(7); err != nil {
		t.Errorf("check(7) of 7 = %v", err)
	}
	if err := m.check(4); fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), "entries 5 to 7") {
		t.Errorf("check(4) of 7 = %v, want a corrupt one that names entries 5 to 7", err)
	}
	// A torn mark promises nothing.
	if _, err := m.file.WriteAt([]byte{9}, 0); err != nil {
		t.Fatal(err)
	}
	if got := m.get(); got != 0 {
		t.Errorf("get of a torn mark = %d, want 0", got)
	}
}
