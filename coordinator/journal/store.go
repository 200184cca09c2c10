package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
)

// watchedStore is the log on disk. After a write that failed nobody knows what
// is there: a second sync of the same pages may succeed though they were lost.
// So the first failure is reported, and nothing is written any more.
type watchedStore struct {
	*wal.WAL
	mark   *mark
	broken atomic.Bool
	failed chan error // holds one
}

var errBroken = errors.New("the journal could not be written before")

// StoreLog implements raft.LogStore.
func (s *watchedStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *watchedStore) StoreLogs(logs []*raft.Log) error {
	return s.watch(func() error { return s.write(logs) })
}

func (s *watchedStore) write(logs []*raft.Log) error {
	if err := s.WAL.StoreLogs(logs); err != nil || len(logs) == 0 {
		return err
	}
	if err := failpoint.Hit(failpoint.JournalSynced); err != nil {
		return err
	}
	if err := s.mark.set(logs[len(logs)-1].Index); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.JournalMarked)
}

// DeleteRange implements raft.LogStore.
func (s *watchedStore) DeleteRange(least, most uint64) error {
	return s.watch(func() error { return s.prune(least, most) })
}

func (s *watchedStore) prune(least, most uint64) error {
	// From the end, where another leader knows better; else from the beginning.
	if most >= s.mark.get() {
		if err := s.mark.lower(least - 1); err != nil {
			return err
		}
	}
	if err := failpoint.Hit(failpoint.LogPrune); err != nil {
		return err
	}
	if err := s.WAL.DeleteRange(least, most); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.LogPruned)
}

// Set implements raft.StableStore.
func (s *watchedStore) Set(key, value []byte) error {
	return s.watch(func() error { return s.WAL.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (s *watchedStore) SetUint64(key []byte, value uint64) error {
	return s.watch(func() error { return s.WAL.SetUint64(key, value) })
}

func (s *watchedStore) watch(write func() error) error {
	if s.broken.Load() {
		return errBroken
	}
	err := write()
	if err != nil && s.broken.CompareAndSwap(false, true) {
		s.failed <- fault.Wrap(fault.Resource, fmt.Errorf("write the journal: %w", err))
	}
	return err
}

// verify reads every entry, so that damage is met here, where it has a place,
// and not in the middle of a replay.
func verify(ctx context.Context, w *wal.WAL, m *mark) error {
	first, err := w.FirstIndex()
	if err != nil {
		return err
	}
	last, err := w.LastIndex()
	if err != nil {
		return err
	}
	if err := m.check(last); err != nil {
		return err
	}
	var l raft.Log
	for i := first; i > 0 && i <= last; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := w.GetLog(i, &l)
		if err == nil && l.Type == raft.LogCommand {
			_, err = parseEntry(l.Data)
		}
		if err != nil {
			return fault.Wrap(fault.Corrupt, fmt.Errorf("entry %d of %d to %d is damaged: %w: %s", i, first, last, err, whatToDo))
		}
	}
	return nil
}

// lockDir makes a directory this process's own, until filelock.Close.
func lockDir(dir string) (*os.File, error) {
	f, err := filelock.Take(filepath.Join(dir, "lock"))
	if errors.Is(err, filelock.ErrHeld) {
		err = fault.New(fault.Invalid, "it is used by another coordinator: end that one, or choose another directory (%w)", err)
	}
	return f, err
}
