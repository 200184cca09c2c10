package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	dirPrefix = "sheaf-"
	dirDigits = 16 // hexadecimal
	lockName  = "lock"

	// ownedPrefix begins the name of a directory that is kept for its owner.
	ownedPrefix = "sheaf-executor-"
	ownedDigits = 32
	// remembered is how long the directory of an owner that does not run is
	// kept, from its last change: after a day its jobs have computed everything
	// again, and an owner that never comes back must not fill the disk.
	remembered = 24 * time.Hour

	// claims is how often a new subdirectory is tried: another process that
	// sweeps at the same moment may take one away between its making and its
	// locking.
	claims = 8
)

var errClaimLost = errors.New("another process took the directory away while it was made")

// openDir makes and locks a subdirectory of parent, after removing those of
// dead processes. That of an owner has a name of its own and may be there
// already, with what the owner published in an earlier life.
func openDir(parent string, owner plan.ExecutorID) (*dir, error) {
	parent, err := filepath.Abs(parent) // the process may change its directory later
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	above, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := sweep(above, ownedName(owner)); err != nil {
		return nil, err
	}
	for range claims {
		d, err := claim(above, parent, owner)
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, errClaimLost) {
			return nil, err
		}
	}
	return nil, errClaimLost
}

func claim(above *os.Root, parent string, owner plan.ExecutorID) (*dir, error) {
	name := newDirName()
	if owner != "" {
		name = ownedName(owner)
	}
	if err := above.Mkdir(name, 0o700); err != nil && (owner == "" || !errors.Is(err, fs.ErrExist)) {
		return nil, err
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return nil, asClaimLost(err)
	}
	lock, err := takeLock(root, os.O_CREATE)
	if err != nil {
		root.Close()
		if owner != "" && errors.Is(err, filelock.ErrHeld) {
			return nil, fault.New(fault.Invalid, "executor %q runs already with this directory: %w", owner, err)
		}
		above.Remove(name) // empty unless somebody else holds it now
		return nil, asClaimLost(err)
	}
	return &dir{path: filepath.Join(parent, name), files: rootFolder{root}, root: root, lock: lock}, nil
}

// ownedName is the name of an owner's directory. Its id may hold anything, so
// the name is made of its hash.
func ownedName(owner plan.ExecutorID) string {
	sum := xxh3.HashString128(string(owner)).Bytes()
	return ownedPrefix + hex.EncodeToString(sum[:])
}

func newDirName() string {
	var b [dirDigits / 2]byte
	rand.Read(b[:])
	return dirPrefix + hex.EncodeToString(b[:])
}

// isDirName reports whether the store makes such names: what it does not make
// it does not remove.
func isDirName(name string) bool {
	return isHexName(name, dirPrefix, dirDigits)
}

// isHexName reports whether name is prefix and so many hexadecimal digits.
func isHexName(name, prefix string, digits int) bool {
	rest, found := strings.CutPrefix(name, prefix)
	return found && len(rest) == digits && strings.Trim(rest, "0123456789abcdef") == ""
}

func asClaimLost(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%w: %w", errClaimLost, err)
	}
	return err
}

// takeLock opens and locks the lock file of a subdirectory, without waiting.
// The kernel frees the lock with the process, however it dies.
func takeLock(root *os.Root, flag int) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f); err != nil {
		f.Close()
		return nil, err
	}
	// Between opening and locking the file may have been deleted by a sweeper:
	// the lock of a file without a name protects nothing.
	held, err := f.Stat()
	if err == nil {
		var named fs.FileInfo
		named, err = root.Stat(lockName)
		if err == nil && !os.SameFile(held, named) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes the subdirectories whose lock can be taken, those of owners only
// when they have been left for long and never the one called keep. What cannot
// be removed stays for the next sweep: it must not keep a store from opening.
func sweep(above *os.Root, keep string) error {
	entries, err := fs.ReadDir(above.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == keep {
			continue
		}
		if isDirName(e.Name()) || isHexName(e.Name(), ownedPrefix, ownedDigits) && forgotten(above, e.Name()) {
			sweepOne(above, e.Name())
		}
	}
	return nil
}

// forgotten reports whether nothing has changed in a directory for long.
func forgotten(above *os.Root, name string) bool {
	info, err := above.Stat(name)
	return err == nil && time.Since(info.ModTime()) > remembered
}

func sweepOne(above *os.Root, name string) {
	root, err := above.OpenRoot(name)
	if err != nil {
		return
	}
	defer root.Close()
	lock, err := takeLock(root, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			// Without a lock file it is either an empty remainder or being made
			// right now; its maker copes with the loss. Remove spares what is not empty.
			above.Remove(name)
		}
		return
	}
	defer filelock.Close(lock)
	empty(root)
	above.Remove(name)
}

// empty removes the files of a subdirectory, the lock last: should it stop
// half-way, the next sweep still finds a lock to take.
func empty(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != lockName {
			errs = append(errs, root.RemoveAll(e.Name()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return root.Remove(lockName)
}

// close removes the subdirectory and frees its lock.
func (d *dir) close() error {
	err := empty(d.root)
	if err == nil {
		err = os.Remove(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // without its lock file another process's sweep may be faster
		}
	}
	return errors.Join(err, d.leave())
}

// leave lets the subdirectory be and frees its lock.
func (d *dir) leave() error {
	err := d.root.Close()
	if d.lock != nil {
		err = errors.Join(err, filelock.Close(d.lock))
	}
	return err
}
