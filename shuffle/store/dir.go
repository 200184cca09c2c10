package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/storage"
)

// avoidance is how long a directory that failed is used only if all others
// fail as well: long enough not to pay for every file, short enough to notice
// that space was freed.
const avoidance = 30 * time.Second

// dir is the store's own subdirectory of one configured directory.
type dir struct {
	path  string   // of the subdirectory, for messages
	files folder   // its files
	root  *os.Root // the same, unless a test stands in between
	lock  *os.File // held as long as the store lives; nil in a Workspace, which its owner's lock covers

	avoidUntil atomic.Int64 // nanoseconds of the Unix epoch
}

// folder is what the store asks of a directory. Tests put failures in between.
type folder interface {
	// Create makes a new file for reading and writing.
	Create(name string) (handle, error)
	// Open opens a file for reading.
	Open(name string) (handle, error)
	Rename(from, to string) error
	Remove(name string) error
	// Lstat describes a file, or a link itself.
	Lstat(name string) (fs.FileInfo, error)
	// List names everything in the directory.
	List() ([]string, error)
	Mkdir(name string) error
	// RemoveAll removes a file or a directory with all in it.
	RemoveAll(name string) error
}

// handle is what the store asks of an open file.
type handle interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Close() error
}

// rootFolder is the folder of the operating system. os.Root refuses names that
// lead out of it.
type rootFolder struct{ root *os.Root }

// Create implements folder; a file that is there already is an error.
func (r rootFolder) Create(name string) (handle, error) {
	// A nil *os.File must not become a handle that is not nil.
	f, err := r.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Open implements folder.
func (r rootFolder) Open(name string) (handle, error) {
	f, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Rename implements folder.
func (r rootFolder) Rename(from, to string) error { return r.root.Rename(from, to) }

// Remove implements folder.
func (r rootFolder) Remove(name string) error { return r.root.Remove(name) }

// Lstat implements folder.
func (r rootFolder) Lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(name) }

// List implements folder.
func (r rootFolder) List() ([]string, error) {
	entries, err := fs.ReadDir(r.root.FS(), ".")
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Mkdir implements folder.
func (r rootFolder) Mkdir(name string) error { return r.root.Mkdir(name, 0o700) }

// RemoveAll implements folder.
func (r rootFolder) RemoveAll(name string) error { return r.root.RemoveAll(name) }

func (d *dir) join(name string) string { return filepath.Join(d.path, name) }

// remove deletes a file; that it is gone already is no error.
func (d *dir) remove(name string) error {
	if err := d.files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// blame notes that an operation in d failed with err.
func (d *dir) blame(err error, now time.Time) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return // the process has too many open files, wherever they are
	}
	d.avoidUntil.Store(int64(now.Sub(began) + avoidance))
}

// began is what times are counted from: that of the wall may be set back.
var began = time.Now()

// candidates returns the directories in the order in which a new file should
// try them: in turn, those that failed lately last.
func (s *Store) candidates(turn uint64) []*dir {
	now := int64(s.now().Sub(began))
	var good, bad []*dir
	for i := range s.dirs {
		d := s.dirs[(turn+uint64(i))%uint64(len(s.dirs))]
		if until := d.avoidUntil.Load(); until != 0 && until > now {
			bad = append(bad, d)
		} else {
			good = append(good, d)
		}
	}
	return append(good, bad...)
}

// kindOfDisk is the kind of an error of writing: Disk if the disk is full, which
// that of another executor need not be, Resource if the descriptors are used up,
// else kind.
func kindOfDisk(err error, kind fault.Kind) fault.Kind {
	switch k := fault.KindOf(err); {
	case fault.IsFull(err), k == fault.Disk:
		return fault.Disk
	case k == fault.Resource:
		return fault.Resource
	}
	return kind
}

// explain makes an error of an operation in d short, since messages here name the
// directory already, and says how much is free where there was no room.
func (d *dir) explain(err error) error {
	err = bare(err)
	if free, _, ok := storage.Space(d.path); ok && fault.IsFull(err) {
		return fmt.Errorf("%w, %d bytes free", err, free)
	}
	return err
}

// kindOfRead is the kind of an error of opening or reading a map output: its
// producer must run again, unless this process merely ran out of descriptors.
func kindOfRead(err error) fault.Kind { return kindOfDisk(err, fault.Fetch) }
