package store

import (
	"fmt"
	"io"
	"sync"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// SpillFile is a temporary file of one attempt: written at its end, read
// anywhere, deleted by Close. Its methods may be called from several
// goroutines; writes are best left to one, which knows the offsets.
type SpillFile struct {
	store   *Store
	attempt plan.AttemptID

	mu   sync.RWMutex // guards what follows; readers of the file share it
	file *file
	done error // why the file cannot be used any more
}

// Spill makes a spill file. The caller closes it. An error is of kind
// fault.Disk if every disk is full, fault.Lost if every disk fails
// otherwise, fault.Canceled if the store is closed.
func (s *Store) Spill(attempt plan.AttemptID) (*SpillFile, error) {
	turn := s.next.Add(1)
	f, err := s.newFile(turn, fmt.Sprintf("%v.%d.spill", attempt, turn))
	if err != nil {
		return nil, fmt.Errorf("create spill file of %v: %w", attempt, err)
	}
	sp := &SpillFile{store: s, attempt: attempt, file: f}
	if err = failpoint.Hit(failpoint.SpillCreated); err == nil {
		err = s.enter(attempt, sp)
	}
	if err != nil {
		sp.drop()
		return nil, fmt.Errorf("create spill file of %v: %w", attempt, err)
	}
	return sp, nil
}

// Write appends p, whole or not at all, and in another directory if the file's
// own fails. When all fail, the error names them and the bytes they would have
// needed; what was written before stays readable. Kinds are as Spill's.
func (s *SpillFile) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.done
	if err == nil {
		err = failpoint.Hit(failpoint.SpillWrite)
	}
	if err == nil {
		err = s.file.append(p)
	}
	if err != nil {
		return 0, fmt.Errorf("spill %d bytes of %v: %w", len(p), s.attempt, err)
	}
	return len(p), nil
}

// Offset returns the bytes written so far.
func (s *SpillFile) Offset() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.file.size
}

// ReadAt reads as io.ReaderAt demands. Errors other than io.EOF are of kind
// fault.Lost: the attempt has to run again, best on another disk.
func (s *SpillFile) ReadAt(p []byte, at int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.done != nil {
		return 0, fmt.Errorf("read spill file of %v: %w", s.attempt, s.done)
	}
	// A failed write may have left bytes behind the end.
	section := io.NewSectionReader(s.file.f, 0, s.file.size)
	n, err := section.ReadAt(p, at)
	if err != nil && err != io.EOF {
		err = fault.Wrap(fault.Lost, fmt.Errorf("read spill file of %v in %s at offset %d: %w", s.attempt, s.file.dir.path, at, err))
	}
	return n, err
}

// Close deletes the file. Further calls do nothing. An error is of kind
// fault.Lost.
func (s *SpillFile) Close() error {
	s.store.leave(s.attempt, s)
	if err := s.end(errEnded()); err != nil {
		return fault.Wrap(fault.Lost, fmt.Errorf("delete spill file of %v: %w", s.attempt, err))
	}
	return nil
}

// drop implements dropper.
func (s *SpillFile) drop() error { return s.end(errDropped()) }

func (s *SpillFile) end(why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done != nil {
		return nil
	}
	s.done = why
	return s.file.delete()
}
