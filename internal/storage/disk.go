package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
)

// disk is every operation by which output reaches the file system. Tests put a
// failure or the end of the process before any one of them.
type disk struct {
	before func(operation, path string) error // nil in the product
}

func (d *disk) allow(operation, path string) error {
	if d.before == nil {
		return nil
	}
	return d.before(operation, path)
}

func (d *disk) mkdir(path string) error {
	if err := d.allow("mkdir", path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o777)
}

// mkdirAll makes a directory with its parents, and the names of those it made
// durable: what is safe inside one is of no use when its own name is lost.
func (d *disk) mkdirAll(path string) error {
	if err := d.allow("mkdir", path); err != nil {
		return err
	}
	return makeAll(path, 0o777, d.syncDir)
}

func makeAll(path string, mode fs.FileMode, syncDir func(string) error) error {
	var parents []string
	for made := path; !exists(made) && filepath.Dir(made) != made; made = filepath.Dir(made) {
		parents = append(parents, filepath.Dir(made))
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := syncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) create(path string) (*os.File, error) {
	if err := d.allow("create", path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (d *disk) write(f *os.File, p []byte) error {
	if err := d.allow("write", f.Name()); err != nil {
		return err
	}
	_, err := f.Write(p)
	return err
}

func (d *disk) sync(f *os.File) error {
	if err := d.allow("sync", f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

func (d *disk) close(f *os.File) error {
	// A refused close must not leak the descriptor into the rest of the test.
	return errors.Join(d.allow("close", f.Name()), f.Close())
}

func (d *disk) rename(from, to string) error {
	if err := d.allow("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// renameNew renames unless to exists, which is fs.ErrExist; errUnsupported where
// the file system cannot promise that.
func (d *disk) renameNew(from, to string) error {
	if err := d.allow("rename-new", to); err != nil {
		return err
	}
	return renameNew(from, to)
}

// exchange swaps two names; errUnsupported where the file system cannot.
func (d *disk) exchange(from, to string) error {
	if err := d.allow("exchange", to); err != nil {
		return err
	}
	return exchange(from, to)
}

func (d *disk) remove(path string) error {
	if err := d.allow("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

func (d *disk) removeAll(path string) error {
	if err := d.allow("remove-all", path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// syncDir makes names that were created, renamed or removed in a directory durable.
func (d *disk) syncDir(path string) error {
	if err := d.allow("sync", path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // EINVAL: a file system whose directories need none
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// writeFile creates a file with all its bytes durable.
func (d *disk) writeFile(path string, data []byte) error {
	f, err := d.create(path)
	if err != nil {
		return err
	}
	if err := d.write(f, data); err != nil {
		return errors.Join(err, d.close(f))
	}
	if err := d.sync(f); err != nil {
		return errors.Join(err, d.close(f))
	}
	return d.close(f)
}

// errUnsupported says that a file system lacks a way of renaming.
var errUnsupported = errors.New("not supported by this file system")

// outputError wraps an error about output. needBytes is what the operation
// wanted to write, 0 if it wrote no data.
func outputError(doing, path string, needBytes int64, err error) error {
	if err == nil {
		return nil
	}
	err = bare(err)
	switch {
	case fault.IsFull(err):
		return fault.New(fault.Resource, "%s %q: %w%s: free space there or write elsewhere", doing, path, err, shortage(path, needBytes))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Invalid, "%s %q: %w: make the place writable for this user or write elsewhere", doing, path, err)
	}
	wrapped := fmt.Errorf("%s %q: %w", doing, path, err)
	if kind := fault.KindOf(err); kind != fault.Unknown {
		return fault.Wrap(kind, wrapped)
	}
	return wrapped
}

// bare takes off the operation and paths that the os package puts before an
// error, which would only repeat ours.
func bare(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	if linkError, ok := errors.AsType[*os.LinkError](err); ok {
		return linkError.Err
	}
	return err
}

// shortage says how many bytes were needed and how many are free.
func shortage(path string, needBytes int64) string {
	if needBytes == 0 {
		return ""
	}
	text := fmt.Sprintf(" (%d bytes, %s, needed", needBytes, memory.FormatSize(needBytes))
	if free, _, ok := Space(filepath.Dir(path)); ok {
		text += fmt.Sprintf(", %d free", free)
	}
	return text + ")"
}
