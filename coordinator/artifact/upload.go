package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
)

// Chunk is a piece of an upload.
type Chunk struct {
	Name   string // the program's sha256
	Total  int64  // the program's size; the same in every chunk
	Offset int64  // where the piece begins
	Data   []byte
}

// Write adds a chunk and says how much is there then. A chunk that begins before
// the end of what is there is a repetition as far as it overlaps; one that begins
// behind it is refused. When the last chunk completes another sha256 than the
// name, everything is thrown away and the error is of kind Corrupt. keep says
// which programs must stay when room is needed, beside those that are held; it is
// called with the store locked and may be nil.
func (s *Store) Write(c Chunk, keep func(name string) bool) (bytes int64, complete bool, err error) {
	if err := s.check(c); err != nil {
		return 0, false, err
	}
	e := s.entry(c.Name)
	e.writing.Lock()
	defer e.writing.Unlock()
	if bytes, complete, err = s.begin(e, c, keep); complete || err != nil {
		return bytes, complete, err
	}
	if err := s.add(e, c); err != nil {
		return s.there(e), false, fmt.Errorf("write program %s: %w", c.Name, advise(err))
	}
	if s.there(e) < c.Total {
		return s.there(e), false, nil
	}
	if err := s.finish(e); err != nil {
		return s.there(e), false, fmt.Errorf("program %s: %w", c.Name, advise(err))
	}
	return c.Total, true, nil
}

func (s *Store) check(c Chunk) error {
	if err := Check(c.Name); err != nil {
		return err
	}
	switch {
	case c.Total <= 0:
		return fault.New(fault.Invalid, "program %s: a size of %d bytes is none", c.Name, c.Total)
	case c.Total > s.limits.ProgramBytes:
		return fault.New(fault.Resource, "program %s: %d bytes, at most %d are taken", c.Name, c.Total, s.limits.ProgramBytes)
	case len(c.Data) > MaxChunkBytes:
		return fault.New(fault.Invalid, "program %s: a chunk of %d bytes, at most %d", c.Name, len(c.Data), MaxChunkBytes)
	case c.Offset < 0 || c.Offset > c.Total-int64(len(c.Data)):
		return fault.New(fault.Invalid, "program %s: a chunk of %d bytes at %d does not lie within %d bytes", c.Name, len(c.Data), c.Offset, c.Total)
	}
	return nil
}

// entry returns the entry of a name; a new one is known from begin on.
func (s *Store) entry(name string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[name]; e != nil {
		return e
	}
	return &entry{name: name}
}

func (s *Store) there(e *entry) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.there
}

// begin reserves room for a program and says whether there is nothing to do.
func (s *Store) begin(e *entry, c Chunk, keep func(string) bool) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.entries[e.name]; now != nil && now != e || now == nil && e.there > 0 {
		return 0, false, fault.New(fault.Transient, "program %s: another upload of it has begun or ended: ask again how much is there", e.name)
	}
	switch {
	case e.complete:
		s.touch(e)
		return e.there, true, nil
	case e.total != 0 && e.total != c.Total || e.there > c.Total:
		return e.there, false, fault.New(fault.Invalid, "program %s: of %d bytes now, another chunk said %d", e.name, c.Total, e.bytes())
	case c.Offset > e.there:
		return e.there, false, fault.New(fault.Invalid, "program %s: a chunk at %d, but only %d bytes are there", e.name, c.Offset, e.there)
	}
	if e.total == 0 {
		if err := s.room(e, c.Total, keep); err != nil {
			return e.there, false, err
		}
		e.total = c.Total
		s.entries[e.name] = e
	}
	e.used = s.now()
	return 0, false, nil
}

// add writes what a chunk has beyond what is there.
func (s *Store) add(e *entry, c Chunk) (err error) {
	there := s.there(e)
	skip := there - c.Offset
	if skip >= int64(len(c.Data)) {
		return nil
	}
	f, err := s.root.OpenFile(e.name+partSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := f.WriteAt(c.Data[skip:], there)
	s.mu.Lock()
	e.there += int64(n)
	s.mu.Unlock()
	return err
}

// advise says what to do about a disk that is full: other disks of the daemon may
// have room, but no retry on this one will.
func advise(err error) error {
	if fault.IsFull(err) {
		return fmt.Errorf("%w: free space there, or start the daemon with a directory on another disk", err)
	}
	return err
}

// finish checks a program whose bytes are all there and makes it count.
func (s *Store) finish(e *entry) error {
	sum, err := s.hash(e.name + partSuffix)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sum != e.name {
		bytes := e.there
		err := s.remove(e)
		e.there, e.total = 0, 0
		return errors.Join(fault.New(fault.Corrupt, "its %d bytes have the sha256 %s: upload it again", bytes, sum), err)
	}
	if err := failpoint.Hit(failpoint.ProgramPart); err != nil {
		return err
	}
	if err := s.root.Rename(e.name+partSuffix, e.name); err != nil {
		return err
	}
	e.complete = true
	if err := failpoint.Hit(failpoint.ProgramNamed); err != nil {
		return err
	}
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// hash syncs a file and returns its sha256.
func (s *Store) hash(name string) (sum string, err error) {
	f, err := s.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
