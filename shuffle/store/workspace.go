package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	workspacePrefix = "worker-"
	workspaceDigits = 16
)

// Workspace is a part of an executor's directories in which a worker's store
// keeps its files, until they are adopted. The executor's lock covers it, so
// the worker holds none: when the executor dies, the workspace is removed with
// what it left, and a worker that still runs finds its directory gone. Its
// methods are safe for concurrent use.
type Workspace struct {
	store *Store
	job   plan.JobID
	name  string // below each of the store's directories

	mu sync.Mutex // held by one adoption at a time: a repeated report waits for the first

	lending sync.Mutex // guards lent
	lent    int64      // bytes of disk that the worker's store may hold
}

// NewWorkspace makes directories for one worker of a job, whose store is opened
// with Config{Dirs: w.Dirs(), Workspace: true}. The caller calls Remove when the
// worker has ended. Errors are of kind fault.Disk,
// fault.Resource or fault.Lost.
func (s *Store) NewWorkspace(job plan.JobID) (*Workspace, error) {
	var b [workspaceDigits / 2]byte
	rand.Read(b[:])
	w := &Workspace{store: s, job: job, name: workspacePrefix + hex.EncodeToString(b[:])}
	var errs []error
	made := 0
	for _, d := range s.dirs {
		if err := d.files.Mkdir(w.name); err != nil {
			d.blame(err, s.now())
			errs = append(errs, fmt.Errorf("make a workspace in %s: %w", d.path, d.explain(err)))
			continue
		}
		made++
	}
	if made == 0 {
		return nil, diskError(errs)
	}
	return w, nil
}

func isWorkspaceName(name string) bool { return isHexName(name, workspacePrefix, workspaceDigits) }

// Dirs returns the workspace's directories, without those that could not be
// made because their disk fails.
func (w *Workspace) Dirs() []string {
	var paths []string
	for _, d := range w.store.dirs {
		if info, err := d.files.Lstat(w.name); err == nil && info.IsDir() {
			paths = append(paths, d.join(w.name))
		}
	}
	return paths
}

// Remove deletes the workspace with everything in it that was not adopted. Nothing
// is lent to it any more.
func (w *Workspace) Remove() error {
	var errs []error
	for _, d := range w.store.dirs {
		errs = append(errs, d.files.RemoveAll(w.name))
	}
	w.TakeBack(math.MaxInt64)
	return fault.Wrap(fault.Lost, errors.Join(errs...))
}

// Adopt takes over a map output that the worker published and reported: its
// file moves by rename, is checked against the report where the worker cannot
// reach it, and is a map output of the store when Adopt returns nil. To adopt
// the same again does nothing, so that a report may be repeated.
//
// Otherwise the file is deleted. What the report says wrongly is an error of
// kind fault.Corrupt, a file that is not there of fault.Lost, an output of
// another job of fault.Invalid; what the limit does not
// allow is fault.Disk, what the descriptors do not fault.Resource, and a dropped attempt fault.Canceled.
func (w *Workspace) Adopt(ctx context.Context, out plan.MapOutput) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.adopt(ctx, out); err != nil {
		return fmt.Errorf("adopt map output %v: %w", out.ID, err)
	}
	return nil
}

func (w *Workspace) adopt(ctx context.Context, out plan.MapOutput) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if out.ID.Attempt.Job != w.job {
		return fault.New(fault.Invalid, "the worker belongs to job %v", w.job)
	}
	if out.Digest == "" {
		return corrupt("the report has no digest")
	}
	if o := w.store.lookup(out.ID); o != nil && o.digest == out.Digest && o.size == out.Bytes {
		return nil
	}
	a := &adoption{workspace: w, out: out}
	if err := w.store.enter(out.ID.Attempt, a); err != nil {
		return err
	}
	defer w.store.leave(out.ID.Attempt, a)
	if err := w.store.claim(out.ID, a); err != nil {
		return err
	}
	if err := a.run(); err != nil {
		w.store.unclaim(out.ID, a)
		return err
	}
	return nil
}

// adoption is one output on its way from a workspace into the store.
type adoption struct {
	workspace *Workspace
	out       plan.MapOutput
	dir       *dir
	name      string // of the file in dir by now
}

// drop implements dropper. Who runs the adoption sees that it was dropped and
// deletes the file.
func (a *adoption) drop() error { return nil }

func (a *adoption) run() error {
	s := a.workspace.store
	if err := a.fetch(); err != nil {
		return err
	}
	lent := a.workspace.repay(a.out.Bytes)
	if err := s.reserveDisk(a.out.Bytes - lent); err != nil {
		s.freeDisk(lent)
		return errors.Join(fmt.Errorf("move it to %s: %w", a.dir.path, err), a.dir.files.RemoveAll(a.name))
	}
	o, err := a.check()
	if err == nil {
		err = s.install(a.out.ID, a, o)
	}
	if err != nil {
		s.freeDisk(a.out.Bytes)
		// The worker may have made a directory of that name.
		return errors.Join(err, a.dir.files.RemoveAll(a.name))
	}
	return nil
}

// fetch moves the file out of the workspace, so that nobody who writes there
// can put another in its place between the check and the use.
func (a *adoption) fetch() error {
	s := a.workspace.store
	from := a.workspace.name + "/" + outputName(a.out.ID)
	a.name = writingName(a.out.ID, s.next.Add(1))
	for _, d := range s.dirs {
		err := d.files.Rename(from, a.name)
		if err == nil {
			a.dir = d
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			d.blame(err, s.now())
			return fault.Wrap(kindOfDisk(err, fault.Lost), err)
		}
	}
	return fault.New(fault.Lost, "it is not in the worker's directory")
}

// check compares the file with the report and gives it its final name.
func (a *adoption) check() (*output, error) {
	if err := failpoint.Hit(failpoint.AdoptMoved); err != nil {
		return nil, err
	}
	o, err := a.workspace.store.inspect(a.dir, a.name, a.out.Digest)
	if err != nil {
		return nil, err
	}
	if o.size != a.out.Bytes {
		return nil, corrupt("its file has %d bytes, %d were reported", o.size, a.out.Bytes)
	}
	name := outputName(a.out.ID)
	if err := a.dir.files.Rename(a.name, name); err != nil {
		a.dir.blame(err, a.workspace.store.now())
		return nil, fault.Wrap(kindOfDisk(err, fault.Lost), err)
	}
	a.name, o.name = name, name
	return o, failpoint.Hit(failpoint.AdoptNamed)
}

// openWorkspace opens a directory of a workspace for the worker's store.
func openWorkspace(name string) (*dir, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	if base := filepath.Base(path); !isWorkspaceName(base) {
		return nil, fault.New(fault.Invalid, "%q is no directory of a workspace", strings.ToValidUTF8(base, "?"))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &dir{path: path, files: rootFolder{root}, root: root}, nil
}

// giveUp ends the store's use of its subdirectory and removes it, unless it
// must stay: with files to keep, or because it is part of a workspace.
func (d *dir) giveUp(keep bool) error {
	if keep || d.lock == nil {
		return d.leave()
	}
	return d.close()
}
