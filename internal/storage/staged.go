package storage

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
)

// stagedBuffer is the size in which output reaches the system and the hash:
// large enough that neither is felt, small enough for many open files.
const stagedBuffer = 128 << 10

var buffers = sync.Pool{New: func() any { return new([stagedBuffer]byte) }}

// Staged is an output file that is being written. Who creates it calls Commit
// or Abort; calling Abort after Commit does nothing, so it can be deferred. It
// is not safe for concurrent use.
type Staged struct {
	disk   *disk
	path   string
	file   *os.File // nil after Commit and Abort
	buffer *[stagedBuffer]byte
	filled int
	hash   *xxh3.Hasher
	bytes  int64 // written to file
	err    error // the first failure; nothing is written after it
}

var _ io.Writer = (*Staged)(nil)

// Create makes a file in the staging directory. The name is a relative path and
// must be new: put the attempt's id into it. CreateStage must have been called
// by the process that runs the job.
func (s *Stage) Create(name string) (*Staged, error) {
	if err := errors.Join(s.broken, checkName("staged file", name)); err != nil {
		return nil, err
	}
	path := s.stagedPath(name)
	if dir := filepath.Dir(name); dir != "." {
		if err := s.makeSubdirs(filepath.Join(s.dir, filesDir), dir); err != nil {
			return nil, err
		}
	}
	if err := failpoint.Hit(failpoint.StagedCreate); err != nil {
		return nil, outputError("create staged file", path, 0, err)
	}
	f, err := s.disk.create(path)
	if err != nil {
		return nil, outputError("create staged file", path, 0, err)
	}
	if err := failpoint.Hit(failpoint.StagedCreated); err != nil {
		return nil, errors.Join(outputError("create staged file", path, 0, err), f.Close())
	}
	return &Staged{disk: s.disk, path: path, file: f, buffer: buffers.Get().(*[stagedBuffer]byte), hash: xxh3.New()}, nil
}

func (s *Stage) stagedPath(name string) string { return filepath.Join(s.dir, filesDir, name) }

// checkName refuses names that lead out of the directory they are meant for.
func checkName(what, name string) error {
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || name == "." {
		return fault.New(fault.Invalid, "%s name %q is not a plain relative path", what, name)
	}
	return nil
}

// makeSubdirs makes dir and what is above it below top, which must exist: a
// stage that was removed is not made again by a late attempt.
func (s *Stage) makeSubdirs(top, dir string) error {
	if parent := filepath.Dir(dir); parent != "." {
		if err := s.makeSubdirs(top, parent); err != nil {
			return err
		}
	}
	path := filepath.Join(top, dir)
	if exists(path) {
		return nil
	}
	if err := s.disk.mkdir(path); err != nil && !exists(path) {
		return outputError("make directory", path, 0, err)
	}
	return outputError("make directory", path, 0, s.disk.syncDir(filepath.Dir(path)))
}

// Write adds bytes to the file. After the first error, which is fault.Resource
// when the disk is full, every call returns that error.
func (f *Staged) Write(p []byte) (int, error) {
	if f.err == nil && f.file == nil {
		f.err = fault.New(fault.Internal, "write to %q after its end", f.path)
	}
	if f.err != nil {
		return 0, f.err
	}
	if len(p) > len(f.buffer)-f.filled {
		if err := f.flush(); err != nil {
			return 0, err
		}
		if len(p) >= len(f.buffer) {
			if err := f.put(p); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	f.filled += copy(f.buffer[f.filled:], p)
	return len(p), nil
}

func (f *Staged) flush() error {
	filled := f.filled
	f.filled = 0
	if filled == 0 {
		return nil
	}
	return f.put(f.buffer[:filled])
}

func (f *Staged) put(p []byte) error {
	err := failpoint.Hit(failpoint.StagedWrite)
	if err == nil {
		err = f.disk.write(f.file, p)
	}
	if err != nil {
		f.err = outputError("write staged file", f.path, f.bytes+int64(len(p)), err)
		return f.err
	}
	f.hash.Write(p) // never fails
	f.bytes += int64(len(p))
	return nil
}

// Commit makes the file durable and returns its size in bytes and its xxh3-128
// in hexadecimal. After an error the file is gone and must be written anew: an
// fsync that failed is never repeated, because the system forgets which bytes
// it could not write.
func (f *Staged) Commit() (bytes int64, hash string, err error) {
	if f.file == nil && f.err == nil {
		f.err = fault.New(fault.Internal, "commit of %q after its end", f.path)
	}
	if f.err == nil {
		f.err = f.flush()
	}
	if f.err == nil {
		f.err = f.sync()
	}
	if f.err != nil {
		f.Abort()
		return 0, "", f.err
	}
	f.release()
	sum := f.hash.Sum128().Bytes()
	return f.bytes, hex.EncodeToString(sum[:]), nil
}

// sync makes the bytes and the name durable and closes the file.
func (f *Staged) sync() error {
	err := failpoint.Hit(failpoint.StagedSync)
	if err == nil {
		err = f.disk.sync(f.file)
	}
	if err == nil {
		err = failpoint.Hit(failpoint.StagedClose)
	}
	if err != nil {
		return outputError("sync staged file", f.path, f.bytes, err)
	}
	if err = f.disk.close(f.file); err == nil {
		err = failpoint.Hit(failpoint.StagedClosed)
	}
	if err != nil {
		return outputError("close staged file", f.path, f.bytes, err)
	}
	return outputError("sync directory", filepath.Dir(f.path), 0, f.disk.syncDir(filepath.Dir(f.path)))
}

// Abort closes and removes the file. Where that does not succeed the file goes
// with the staging directory.
func (f *Staged) Abort() {
	if f.file == nil {
		return
	}
	// Close fails when sync has closed it; the bytes are not wanted in any case.
	_ = errors.Join(f.file.Close(), f.disk.remove(f.path))
	f.release()
}

func (f *Staged) release() {
	buffers.Put(f.buffer)
	f.file, f.buffer, f.filled = nil, nil, 0
}
