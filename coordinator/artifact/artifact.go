// Package artifact keeps the programs of jobs: files that are named by their
// sha256, come in chunks and count only once they are complete and hash to their
// name. A Store belongs to one process, which locks the directory. It is safe for
// concurrent use and owns no goroutine.
package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/storage"
)

const (
	// MaxChunkBytes bounds a chunk of an upload.
	MaxChunkBytes = 1 << 20
	// digits is the length of a sha256 in hexadecimal.
	digits = 64
	// partSuffix marks a program that is not complete.
	partSuffix = ".part"
	// staleAfter is when an upload that broke off may be thrown away for room.
	staleAfter = time.Hour
)

// Limits bound a store.
type Limits struct {
	ProgramBytes int64 // of one program
	TotalBytes   int64 // of all, those under way at their full size
}

// Store is a directory of programs.
type Store struct {
	root   *os.Root
	limits Limits
	now    func() time.Time

	mu      sync.Mutex // guards the fields below and those of entries, but not their files
	entries map[string]*entry
}

// entry is a program, complete or not.
type entry struct {
	name     string
	there    int64 // bytes, from the first on
	total    int64 // in the end; 0 while nobody has said
	complete bool
	used     time.Time
	holds    int // how many need it without being known to keep of Write

	writing sync.Mutex // held by who changes the file; taken before Store.mu
}

// bytes is what an entry counts for.
func (e *entry) bytes() int64 { return max(e.there, e.total) }

// Open opens a directory, which is made if it is not there. Uploads that broke
// off go on where they were.
func Open(dir string, limits Limits) (*Store, error) {
	if err := storage.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, limits: limits, now: time.Now, entries: map[string]*entry{}}
	if err := s.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("open programs in %s: %w", dir, err), root.Close())
	}
	return s, nil
}

// Close gives the directory back.
func (s *Store) Close() error { return s.root.Close() }

func (s *Store) scan() error {
	files, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		name, part := strings.CutSuffix(f.Name(), partSuffix)
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || Check(name) != nil {
			continue // not ours
		}
		e := s.entries[name]
		switch {
		case e == nil:
			e = &entry{name: name}
			s.entries[name] = e
		case e.complete: // a part beside the whole is of no use
			continue
		}
		e.there, e.complete, e.used = info.Size(), !part, info.ModTime()
	}
	return nil
}

// Check returns an error of kind Invalid unless a name is a sha256 as 64
// lower-case hexadecimal digits.
func Check(name string) error {
	if len(name) != digits || strings.Trim(name, "0123456789abcdef") != "" {
		return fault.New(fault.Invalid, "program %q is not named by the %d hexadecimal digits of its sha256", name[:min(len(name), digits)], digits)
	}
	return nil
}

// Stat says how much of a program is there, without the last byte until it is
// complete: all of it may be there and want its name, which a crash or an error
// kept from it, and who asks must have something to send that completes it.
func (s *Store) Stat(name string) (bytes int64, complete bool, err error) {
	if err := Check(name); err != nil {
		return 0, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil {
		return 0, false, nil
	}
	s.touch(e)
	if !e.complete {
		return max(e.there-1, 0), false, nil
	}
	return e.there, true, nil
}

// Hold keeps a complete program from being dropped until release is called, and
// says how large it is; ok is false when it is not there.
func (s *Store) Hold(name string) (bytes int64, release func(), ok bool, err error) {
	if err := Check(name); err != nil {
		return 0, nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil || !e.complete {
		return 0, nil, false, nil
	}
	s.touch(e)
	e.holds++
	return e.there, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.holds--
	}), true, nil
}

// touch notes the use of a program; the file's time tells the next process.
func (s *Store) touch(e *entry) {
	e.used = s.now()
	if e.complete {
		// Only which program goes first depends on it.
		_ = s.root.Chtimes(e.name, e.used, e.used)
	}
}

// Read opens a complete program. The caller closes it; it stays readable when
// the store drops it meanwhile.
func (s *Store) Read(name string) (*os.File, int64, error) {
	if err := Check(name); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil || !e.complete {
		return nil, 0, fault.New(fault.Invalid, "program %s: %w: upload it first", name, fs.ErrNotExist)
	}
	s.touch(e)
	f, err := s.root.Open(name)
	return f, e.there, err
}

// room makes place for more bytes of e: programs that nobody keeps go, the one
// that was not used for longest first. It is called with mu held.
func (s *Store) room(e *entry, total int64, keep func(name string) bool) error {
	sum := total - e.bytes()
	var others []*entry
	for _, o := range s.entries {
		sum += o.bytes()
		idle := o.complete || s.now().Sub(o.used) > staleAfter
		if o != e && idle && o.holds == 0 && (keep == nil || !keep(o.name)) {
			others = append(others, o)
		}
	}
	if s.entries[e.name] == nil {
		sum += e.bytes()
	}
	slices.SortFunc(others, func(a, b *entry) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.name, b.name)) })
	for _, o := range others {
		if sum <= s.limits.TotalBytes {
			break
		}
		if !o.writing.TryLock() {
			continue
		}
		err := s.remove(o)
		o.writing.Unlock()
		if err != nil {
			return err
		}
		sum -= o.bytes()
	}
	if sum > s.limits.TotalBytes {
		return fault.New(fault.Resource, "program %s of %d bytes: all programs together may take %d bytes, and jobs need those that are there", e.name, total, s.limits.TotalBytes)
	}
	return nil
}

// Prune deletes all complete programs but those in use and those to keep.
func (s *Store) Prune(keep func(name string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, e := range s.entries {
		if e.complete && e.holds == 0 && !keep(e.name) {
			errs = append(errs, s.remove(e))
		}
	}
	return errors.Join(errs...)
}

// remove deletes a program. It is called with mu held.
func (s *Store) remove(e *entry) error {
	name := e.name
	if !e.complete {
		name += partSuffix
	}
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(s.entries, e.name)
	return nil
}

// Drop deletes a program that turned out to be damaged, so that it can be written
// again. Processes that run it go on.
func (s *Store) Drop(name string) error {
	if err := Check(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil || !e.complete {
		return nil
	}
	return s.remove(e)
}
