package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Reader reads one version of one input file. Make one with Open or
// OpenPinned; who opens it closes it. ReadAt, Size, Pin and Check may be called
// from several goroutines at once.
type Reader struct {
	file *os.File
	pin  File
}

// Open opens the file at path, whatever its version, and pins that version. It
// fails with fault.Invalid when there is no such file, when it cannot be read
// or when it is not a regular file.
func Open(path string) (*Reader, error) {
	// Looked at before opening, because opening a named pipe blocks.
	info, err := os.Stat(path)
	if err != nil {
		return nil, inputError("open input", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "input %q is %s, not a regular file", path, kindOfFile(info.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, inputError("open input", path, err)
	}
	info, err = file.Stat()
	if err != nil {
		return nil, errors.Join(inputError("open input", path, err), file.Close())
	}
	return &Reader{file: file, pin: fileOf(path, info)}, nil
}

// OpenPinned opens the file of a split and refuses it with fault.Invalid when
// its size, time of change or inode are not those that the split pins: a job
// never mixes versions of an input.
func OpenPinned(s plan.Split) (*Reader, error) {
	r, err := Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "input %q vanished since it was listed (it had %d bytes): put it back or run the job again: %w", s.Path, s.Size, err)
	}
	if err != nil {
		return nil, err
	}
	pin := File{Path: s.Path, Size: s.Size, ModNanos: s.ModNanos, Inode: s.Inode}
	if err := changed(pin, r.pin); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// ReadAt reads len(p) bytes from offset off, as io.ReaderAt says. When the file
// has become shorter than its pinned size it fails with fault.Invalid instead
// of reporting the end of the file.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.file.ReadAt(p, off)
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, inputError("read input", r.pin.Path, err)
	case off+int64(n) < r.pin.Size && off >= 0:
		return n, fault.New(fault.Invalid, "input %q changed while it was read: it ends at byte %d and had %d bytes: run the job again", r.pin.Path, off+int64(n), r.pin.Size)
	}
	return n, io.EOF
}

// Size returns the pinned size in bytes.
func (r *Reader) Size() int64 { return r.pin.Size }

// Pin returns the version that is being read.
func (r *Reader) Pin() File { return r.pin }

// Check fails with fault.Invalid when the open file is no longer the version
// that was opened. Call it when everything is read: a file that was rewritten
// in place may have given bytes of both versions. A file that was replaced by
// renaming another over it is not an error here, since the open one is untouched.
func (r *Reader) Check() error {
	info, err := r.file.Stat()
	if err != nil {
		return inputError("check input", r.pin.Path, err)
	}
	return changed(r.pin, fileOf(r.pin.Path, info))
}

// Close closes the file.
func (r *Reader) Close() error {
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close input: %w", err)
	}
	return nil
}

// changed describes every difference between two versions of a file; nil if there is none.
func changed(before, after File) error {
	var differences []string
	if before.Size != after.Size {
		differences = append(differences, fmt.Sprintf("size %d → %d bytes", before.Size, after.Size))
	}
	if before.ModNanos != after.ModNanos {
		differences = append(differences, fmt.Sprintf("modified %s → %s", when(before.ModNanos), when(after.ModNanos)))
	}
	if before.Inode != after.Inode {
		differences = append(differences, fmt.Sprintf("inode %d → %d", before.Inode, after.Inode))
	}
	if differences == nil {
		return nil
	}
	return fault.New(fault.Invalid, "input %q changed while the job ran: %s: run the job again once the file is at rest", before.Path, strings.Join(differences, ", "))
}

func when(nanos int64) string { return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano) }

// inputError wraps an error about an input. What the operating system says
// about names and permissions is Invalid; other kinds, such as too many open
// files, keep theirs.
func inputError(doing, path string, err error) error {
	advice := ""
	if errors.Is(err, fs.ErrPermission) {
		advice = ": make it readable for this user or leave it out"
	}
	err = bare(err)
	wrapped := fmt.Errorf("%s %q: %w%s", doing, path, err, advice)
	switch kind := fault.KindOf(err); {
	case kind != fault.Unknown:
		return fault.Wrap(kind, wrapped)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return fault.Wrap(fault.Invalid, wrapped)
	}
	return wrapped
}

// kindOfFile names what is not a regular file.
func kindOfFile(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "special"
}
