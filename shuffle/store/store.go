// Package store keeps the map outputs and spill files of one executor on its
// local disks. Task runtimes write them, shuffle readers and transfer servers
// open them, the daemon drops them by attempt or by job.
//
// A map output becomes visible as a whole when its Writer publishes it, and
// never changes afterwards. Small ones stay in memory as long as the sum that
// Config.MemoryBytes allows is not used up; that is the only difference
// between a job that never touches the disk and one of terabytes.
//
// Files are named after attempts and map outputs, whose ids hold digits only,
// and are opened below a directory that the store made for itself, so no
// request can name a path. Nothing is synced to disk: whatever a crash of the
// machine takes away is computed again, the checksums find what it damages,
// and the next store on the same directory removes all of it anyway.
//
// A Store is safe for concurrent use; it owns no goroutine.
package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Config says where a store keeps its files. The zero value works.
type Config struct {
	// Dirs are directories on local disks, used in turn, made if missing. A
	// directory that fails or is full is avoided for a while. None means the
	// system's directory for temporary files.
	Dirs []string
	// MemoryBytes is the sum up to which small map outputs stay in memory; 0
	// means that every one becomes a file.
	MemoryBytes int64
}

// Store is the map outputs and spill files of one process.
type Store struct {
	dirs        []*dir
	memoryLimit int64
	now         func() time.Time

	next   atomic.Uint64 // numbers files, and directories in turn
	memory atomic.Int64  // bytes reserved; Invariant: memory <= memoryLimit
	disk   atomic.Int64  // bytes in files

	// mu guards what follows. It is held for lookups only, never during I/O,
	// and never while a Writer's or SpillFile's own mutex is wanted.
	mu       sync.Mutex
	closed   bool
	attempts map[plan.AttemptID]*holdings
}

// holdings is what the store keeps for one attempt.
type holdings struct {
	outputs map[plan.OutputID]*output
	open    map[dropper]struct{} // writers and spill files in use
}

// dropper is something that can be deleted at any time, once or several times.
type dropper interface{ drop() error }

// Open makes a store: in each directory a subdirectory "sheaf-<random>" that a
// lock marks as alive. Subdirectories of processes that are no more are
// removed first. A directory that cannot be used is an error of kind
// fault.Invalid, or fault.Resource if its disk is full. The caller closes the
// store.
func Open(cfg Config) (*Store, error) {
	names := cfg.Dirs
	if len(names) == 0 {
		names = []string{os.TempDir()}
	}
	s := &Store{
		memoryLimit: cfg.MemoryBytes,
		now:         time.Now,
		attempts:    make(map[plan.AttemptID]*holdings),
	}
	for _, name := range names {
		d, err := openDir(name)
		if err != nil {
			for _, opened := range s.dirs {
				opened.close()
			}
			return nil, fault.Wrap(kindOfDisk(err, fault.Invalid), fmt.Errorf("open spill directory %s: %w", name, err))
		}
		s.dirs = append(s.dirs, d)
	}
	return s, nil
}

// Usage returns the bytes that the store holds in memory and in files now.
func (s *Store) Usage() (memory, disk int64) {
	return s.memory.Load(), s.disk.Load()
}

// DropAttempt deletes everything of one attempt: its map outputs, published or
// being written, and its spill files. Writers and spill files still in use
// fail from now on; outputs already opened stay readable. To drop what does
// not exist is no error. A file that cannot be deleted is one of kind
// fault.Lost; it is out of the books nevertheless.
func (s *Store) DropAttempt(id plan.AttemptID) error {
	return dropAll(s.take(id))
}

// DropJob deletes everything of all attempts of a job, as DropAttempt does.
func (s *Store) DropJob(id plan.JobID) error {
	return dropAll(s.takeIf(func(a plan.AttemptID) bool { return a.Job == id }))
}

// Close deletes everything that the store holds and its directories. Outputs
// already opened stay readable. Further calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	errs := []error{dropAll(s.takeIf(func(plan.AttemptID) bool { return true }))}
	for _, d := range s.dirs {
		errs = append(errs, d.close())
	}
	return errors.Join(errs...)
}

func dropAll(all []dropper) error {
	var errs []error
	for _, d := range all {
		errs = append(errs, d.drop())
	}
	return fault.Wrap(fault.Lost, errors.Join(errs...))
}

// take removes an attempt from the books and returns what it held.
func (s *Store) take(id plan.AttemptID) []dropper {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.attempts[id]
	if h == nil {
		return nil
	}
	delete(s.attempts, id)
	return h.all(nil)
}

// takeIf does for every attempt that matches what take does for one.
func (s *Store) takeIf(match func(plan.AttemptID) bool) []dropper {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []dropper
	for id, h := range s.attempts {
		if match(id) {
			delete(s.attempts, id)
			all = h.all(all)
		}
	}
	return all
}

// all appends everything that is held to list.
func (h *holdings) all(list []dropper) []dropper {
	for d := range h.open {
		list = append(list, d)
	}
	for _, o := range h.outputs {
		list = append(list, o)
	}
	return list
}

// enter books d as in use by an attempt.
func (s *Store) enter(id plan.AttemptID, d dropper) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	h := s.attempts[id]
	if h == nil {
		h = &holdings{outputs: make(map[plan.OutputID]*output), open: make(map[dropper]struct{})}
		s.attempts[id] = h
	}
	h.open[d] = struct{}{}
	return nil
}

// leave ends what enter began.
func (s *Store) leave(id plan.AttemptID, d dropper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.attempts[id]; h != nil {
		delete(h.open, d)
		if len(h.open) == 0 && len(h.outputs) == 0 {
			delete(s.attempts, id)
		}
	}
}

// install makes o the map output id, in the place of the writer w.
func (s *Store) install(id plan.OutputID, w dropper, o *output) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.attempts[id.Attempt]
	if h == nil {
		return errDropped()
	}
	if _, open := h.open[w]; !open {
		return errDropped()
	}
	if h.outputs[id] != nil {
		return fault.New(fault.Internal, "it has been published before")
	}
	h.outputs[id] = o
	delete(h.open, w)
	return nil
}

func (s *Store) lookup(id plan.OutputID) *output {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.attempts[id.Attempt]; h != nil {
		return h.outputs[id]
	}
	return nil
}

// reserve takes n bytes of memory, or nothing and returns false.
func (s *Store) reserve(n int64) bool {
	for {
		held := s.memory.Load()
		if n > s.memoryLimit-held {
			return false
		}
		if s.memory.CompareAndSwap(held, held+n) {
			return true
		}
	}
}

func (s *Store) release(n int64) { s.memory.Add(-n) }

func errClosed() error  { return fault.New(fault.Canceled, "the store is closed") }
func errDropped() error { return fault.New(fault.Canceled, "the attempt has been dropped") }
