// Package store keeps the map outputs and spill files of one executor on its
// local disks. Task runtimes write them, shuffle readers and transfer servers
// open them, the daemon drops them by attempt or by job.
//
// On a cluster the task runtime is a worker, a process of its own that runs
// user code and may die at any time, while its map outputs must stay. The
// executor's store (Config.Owner) gives it a Workspace; the worker's own store
// (Config.Workspace) writes there, and what the worker reports the executor
// adopts: moved by rename, checked, and from then on the executor's. Other
// workers of the machine read it through a View. What was adopted outlives the
// executor's process too: the next one with the same Owner finds it.
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
	"slices"
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
	// DiskBytes is the most that all files together may hold; 0 means no limit
	// but the disks'.
	DiskBytes int64
	// Owner, when set, keeps published outputs beyond the process: each becomes
	// a file, Close leaves it, and Open finds what an earlier store of this
	// owner left in the same Dirs. Only one store of an owner can be open.
	Owner plan.ExecutorID
	// Workspace says that Dirs are those of a Workspace, which another process
	// made for this one. Each published output becomes a file and stays for
	// that process to adopt, which also removes the directories.
	Workspace bool
	// Lender bounds the files of a Workspace; nil for no bound but the disks'.
	Lender Lender
}

// Store is the map outputs and spill files of one process.
type Store struct {
	dirs        []*dir
	memoryLimit int64
	diskLimit   int64 // 0 is none
	loan        *loan // nil where nobody lends
	keeps       bool  // published outputs are files that Close leaves
	now         func() time.Time
	damaged     []error // what Open found and deleted

	next   atomic.Uint64 // numbers files, and directories in turn
	memory atomic.Int64  // bytes reserved; Invariant: memory <= memoryLimit
	disk   atomic.Int64  // bytes in files. Invariant: disk <= diskLimit, unless what Open found is more

	// mu guards what follows. It is held for lookups only, never during I/O,
	// and never while a Writer's or SpillFile's own mutex is wanted.
	mu       sync.Mutex
	closed   bool
	attempts map[plan.AttemptID]*holdings
}

// holdings is what the store keeps for one attempt.
type holdings struct {
	outputs map[plan.OutputID]*output // nil while an output is on its way to its name
	open    map[dropper]struct{}      // writers and spill files in use
}

// dropper is something that can be deleted at any time, once or several times.
type dropper interface{ drop() error }

// Open makes a store: in each directory a subdirectory "sheaf-<random>", or one
// named after the owner, that a lock marks as alive. Subdirectories of
// processes that are no more are removed first, those of other owners when they
// were left a day ago. A directory that cannot be used, or whose owner runs
// already, is an error of kind fault.Invalid, or fault.Disk if its disk is full,
// fault.Resource if descriptors ran out. The caller closes the store.
func Open(cfg Config) (*Store, error) {
	names := cfg.Dirs
	if len(names) == 0 {
		names = []string{os.TempDir()}
	}
	s := &Store{
		memoryLimit: cfg.MemoryBytes,
		diskLimit:   cfg.DiskBytes,
		keeps:       cfg.Owner != "" || cfg.Workspace,
		now:         time.Now,
		attempts:    make(map[plan.AttemptID]*holdings),
	}
	if cfg.Lender != nil {
		s.loan = &loan{lender: cfg.Lender}
	}
	for _, name := range names {
		d, err := cfg.openDir(name)
		if err == nil {
			s.dirs = append(s.dirs, d)
			if cfg.Owner != "" {
				err = s.recover(d)
			}
		}
		if err != nil {
			for _, opened := range s.dirs {
				opened.giveUp(s.keeps)
			}
			return nil, fault.Wrap(kindOfDisk(err, fault.Invalid), fmt.Errorf("open spill directory %s: %w", name, err))
		}
	}
	return s, nil
}

func (cfg *Config) openDir(name string) (*dir, error) {
	if cfg.Workspace {
		return openWorkspace(name)
	}
	return openDir(name, cfg.Owner)
}

// Dirs returns the store's own directories, for a View of another process.
func (s *Store) Dirs() []string {
	var paths []string
	for _, d := range s.dirs {
		paths = append(paths, d.path)
	}
	return paths
}

// Outputs lists the map outputs that the store holds, by id, digest and bytes:
// after Open those that were recovered, later all that it can offer.
func (s *Store) Outputs() []plan.MapOutput {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []plan.MapOutput
	for _, h := range s.attempts {
		for id, o := range h.outputs {
			if o != nil {
				all = append(all, plan.MapOutput{ID: id, Digest: o.digest, Bytes: o.size})
			}
		}
	}
	return all
}

// Damaged returns an error of kind fault.Corrupt for each thing that Open found
// in an owner's directories, could not use and deleted: for the log. Workspaces
// that a kill left are none of them.
func (s *Store) Damaged() []error { return s.damaged }

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

// Forget takes a map output out of the books and leaves its file: the owner of
// the Workspace has adopted it.
func (s *Store) Forget(id plan.OutputID) {
	s.mu.Lock()
	h := s.attempts[id.Attempt]
	var o *output
	if h != nil {
		o = h.outputs[id]
	}
	if o == nil || o.dir == nil {
		s.mu.Unlock()
		return
	}
	delete(h.outputs, id)
	s.tidy(id.Attempt, h)
	s.mu.Unlock()
	s.cede(o.size)
}

// Close deletes everything that the store holds and its directories; with an
// Owner or in a Workspace it leaves the published outputs. Outputs already
// opened stay readable. Further calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	held := s.takeIf(func(plan.AttemptID) bool { return true })
	kept := make(map[*dir]bool)
	if s.keeps {
		held = slices.DeleteFunc(held, func(d dropper) bool {
			o, published := d.(*output)
			if published {
				s.cede(o.size)
				kept[o.dir] = true
			}
			return published
		})
	}
	errs := []error{dropAll(held)}
	for _, d := range s.dirs {
		errs = append(errs, d.giveUp(kept[d]))
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
		if o != nil {
			list = append(list, o)
		}
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
		h = newHoldings()
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
		s.tidy(id, h)
	}
}

// tidy forgets an attempt of which nothing is held. The caller holds mu.
func (s *Store) tidy(id plan.AttemptID, h *holdings) {
	if len(h.open) == 0 && len(h.outputs) == 0 {
		delete(s.attempts, id)
	}
}

// claim gives w the right to make the file of the map output id, whose name has
// room for one. install or unclaim follows.
func (s *Store) claim(id plan.OutputID, w dropper) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.holdings(id, w)
	if err != nil {
		return err
	}
	if _, taken := h.outputs[id]; taken {
		return fault.New(fault.Internal, "it has been published before")
	}
	h.outputs[id] = nil
	return nil
}

// unclaim ends a claim without an output. Nothing is left to end if the attempt
// was dropped meanwhile.
func (s *Store) unclaim(id plan.OutputID, w dropper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, err := s.holdings(id, w); err == nil {
		delete(h.outputs, id)
	}
}

// install makes o the map output id, which w has claimed and ends with.
func (s *Store) install(id plan.OutputID, w dropper, o *output) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.holdings(id, w)
	if err != nil {
		return err
	}
	h.outputs[id] = o
	delete(h.open, w)
	return nil
}

// holdings returns what the attempt of id holds, as long as w is part of it.
// The caller holds mu.
func (s *Store) holdings(id plan.OutputID, w dropper) (*holdings, error) {
	if h := s.attempts[id.Attempt]; h != nil {
		if _, open := h.open[w]; open {
			return h, nil
		}
	}
	return nil, errDropped()
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
	_, ok := take(&s.memory, n, s.memoryLimit)
	return ok
}

// reserveDisk takes n bytes of disk, or nothing.
func (s *Store) reserveDisk(n int64) error {
	switch {
	case s.loan != nil:
		return s.borrow(n)
	case s.diskLimit == 0:
		s.disk.Add(n)
		return nil
	}
	if held, ok := take(&s.disk, n, s.diskLimit); !ok {
		return fault.New(fault.Disk, "%d bytes more are above the limit of %d for all files of the store, which hold %d, %d bytes free: raise it by --disk of the executor", n, s.diskLimit, held, s.diskLimit-held)
	}
	return nil
}

// take adds n to sum unless that would pass limit, and returns the sum before.
func take(sum *atomic.Int64, n, limit int64) (int64, bool) {
	for {
		held := sum.Load()
		if n > limit-held {
			return held, false
		}
		if sum.CompareAndSwap(held, held+n) {
			return held, true
		}
	}
}

func (s *Store) release(n int64) { s.memory.Add(-n) }

func errClosed() error  { return fault.New(fault.Canceled, "the store is closed") }
func errDropped() error { return fault.New(fault.Canceled, "the attempt has been dropped") }
