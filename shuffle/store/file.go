package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
)

// file is a growing file that moves to another directory when its own fails.
// It is used under its owner's mutex.
type file struct {
	store *Store
	name  string
	dir   *dir
	f     handle
	size  int64 // bytes written without error
}

// newFile makes a file in the first directory that can hold it. Its errors and
// append's are of kind Disk if a disk is full, Resource if the descriptors are
// used up, else Lost: another executor has other disks.
func (s *Store) newFile(turn uint64, name string) (*file, error) {
	f := &file{store: s, name: name}
	var errs []error
	for _, d := range s.candidates(turn) {
		h, err := d.files.Create(name)
		if err == nil {
			f.dir, f.f = d, h
			return f, nil
		}
		d.blame(err, s.now())
		errs = append(errs, fmt.Errorf("create file in %s: %w", d.path, d.explain(err)))
	}
	return nil, diskError(errs)
}

// append writes p at the end, in another directory if this one fails. After an
// error the file holds what it held before.
func (f *file) append(p []byte) error {
	if err := f.store.reserveDisk(int64(len(p))); err != nil {
		return fmt.Errorf("write to %s: %w", f.dir.path, err)
	}
	_, err := f.f.WriteAt(p, f.size)
	if err != nil {
		err = f.move(p, err)
	}
	if err != nil {
		f.store.freeDisk(int64(len(p)))
		return err
	}
	f.size += int64(len(p))
	return nil
}

// move copies the file with p at its end to another directory, because
// writing p here failed with cause.
func (f *file) move(p []byte, cause error) error {
	f.dir.blame(cause, f.store.now())
	need := f.size + int64(len(p))
	errs := []error{fmt.Errorf("write %d bytes to %s: %w", len(p), f.dir.path, f.dir.explain(cause))}
	for _, d := range f.store.candidates(0) {
		if d == f.dir {
			continue
		}
		h, err := f.copyTo(d, p)
		if err == nil {
			// The data is safe where it is now: what is left here is only litter.
			f.f.Close()
			f.dir.remove(f.name)
			f.dir, f.f = d, h
			return nil
		}
		d.blame(err, f.store.now())
		errs = append(errs, fmt.Errorf("move file to %s, which needs %d bytes there: %w", d.path, need, d.explain(err)))
	}
	// Part of p may have been written: it would end up in a published file.
	if err := f.f.Truncate(f.size); err != nil {
		errs = append(errs, err)
	}
	return diskError(errs)
}

// copyTo makes a copy of the file in d with p at its end, or nothing.
func (f *file) copyTo(d *dir, p []byte) (handle, error) {
	h, err := d.files.Create(f.name)
	if err != nil {
		return nil, err
	}
	_, err = io.CopyBuffer(io.NewOffsetWriter(h, 0), io.NewSectionReader(f.f, 0, f.size), make([]byte, 256<<10))
	if err == nil {
		_, err = h.WriteAt(p, f.size)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close(), d.remove(f.name))
	}
	return h, nil
}

// publish closes the file and gives it its final name.
func (f *file) publish(name string) error {
	err := f.f.Close()
	f.f = nil
	if err == nil {
		err = failpoint.Hit(failpoint.OutputRename)
	}
	if err == nil {
		err = f.dir.files.Rename(f.name, name)
	}
	if err != nil {
		f.dir.blame(err, f.store.now())
		return diskError([]error{fmt.Errorf("publish file in %s: %w", f.dir.path, err)})
	}
	f.name = name
	return failpoint.Hit(failpoint.OutputRenamed)
}

// delete closes and removes the file, whatever its name is by now.
func (f *file) delete() error {
	var err error
	if f.f != nil {
		err = f.f.Close()
		f.f = nil
	}
	f.store.freeDisk(f.size)
	f.size = 0
	return errors.Join(err, f.dir.remove(f.name))
}

// diskError joins what went wrong in one directory after the other, in one line.
func diskError(errs []error) error {
	err, kind := errs[0], kindOfDisk(errs[0], fault.Lost)
	for _, e := range errs[1:] {
		err = fmt.Errorf("%w; %w", err, e)
		if kind != fault.Disk {
			kind = kindOfDisk(e, kind)
		}
	}
	if kind == fault.Disk {
		err = fmt.Errorf("%w: free space there or name other directories by --sheaf.tmp, or by --dir of the executor", err)
	}
	return fault.Wrap(kind, err)
}

// bare takes off the operation and the path that the os package puts before an
// error: the messages here name the directory already.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
