package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Output is a published map output, opened for reading: the bytes that
// docs/format/mapoutput.md describes. ReadAt may be called from several
// goroutines at once; its errors other than io.EOF are of kind fault.Fetch.
// Who opened it closes it.
//
// An output that is a file of this machine also has File() *os.File, which
// shows it to whoever can hand it to the kernel whole (sendfile). The file is
// closed with the output.
type Output interface {
	io.ReaderAt
	// Size is the length in bytes, index and footer included.
	Size() int64
	io.Closer
}

// output is a published map output in the books: a file, or its bytes. It is
// never changed after install.
type output struct {
	store  *Store
	dir    *dir   // of the file, nil in memory
	name   string // of the file
	bytes  []byte // in memory
	size   int64
	digest string
}

// Open opens a map output that this store holds. One that it does not hold, or
// no longer, or with another digest, is an error of kind fault.Fetch that
// names it; a file of another length than was written is fault.Corrupt. The
// caller closes the output.
func (s *Store) Open(ctx context.Context, out plan.MapOutput) (Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o := s.lookup(out.ID)
	if o == nil {
		return nil, fault.New(fault.Fetch, "open map output %v: it is not here", out.ID)
	}
	if out.Digest != "" && out.Digest != o.digest {
		return nil, fault.New(fault.Fetch, "open map output %v: its digest is %s, want %s", out.ID, o.digest, out.Digest)
	}
	opened, err := o.open()
	if err != nil {
		return nil, fmt.Errorf("open map output %v: %w", out.ID, err)
	}
	return opened, nil
}

func (o *output) open() (Output, error) {
	if o.dir == nil {
		return memoryOutput{b: o.bytes}, nil
	}
	f, err := o.dir.files.Open(o.name)
	if err != nil {
		return nil, fault.Wrap(kindOfRead(err), err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != o.size {
		err = fault.New(fault.Corrupt, "file %s has %d bytes, %d were written", o.dir.join(o.name), info.Size(), o.size)
	}
	if err != nil {
		return nil, errors.Join(fault.Wrap(fault.Fetch, err), f.Close())
	}
	return &fileOutput{f: f, size: o.size}, nil
}

// drop implements dropper. The books give an output to one caller only.
func (o *output) drop() error {
	if o.dir == nil {
		o.store.release(int64(cap(o.bytes)))
		return nil
	}
	o.store.freeDisk(o.size)
	return o.dir.remove(o.name)
}

type memoryOutput struct{ b []byte }

// ReadAt reads as io.ReaderAt demands.
func (o memoryOutput) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fault.New(fault.Internal, "read map output at offset %d", at)
	}
	if at >= int64(len(o.b)) {
		return 0, io.EOF
	}
	n := copy(p, o.b[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size returns the output's length.
func (o memoryOutput) Size() int64 { return int64(len(o.b)) }

// Close does nothing: the bytes belong to the garbage collector.
func (o memoryOutput) Close() error { return nil }

type fileOutput struct {
	f    handle
	size int64
}

// ReadAt reads as io.ReaderAt demands.
func (o *fileOutput) ReadAt(p []byte, at int64) (int, error) {
	n, err := o.f.ReadAt(p, at)
	if err != nil && err != io.EOF {
		err = fault.Wrap(kindOfRead(err), fmt.Errorf("read map output at offset %d: %w", at, err))
	}
	return n, err
}

// Size returns the output's length.
func (o *fileOutput) Size() int64 { return o.size }

// Close closes the file.
func (o *fileOutput) Close() error { return fault.Wrap(fault.Fetch, o.f.Close()) }

// File returns the open file, or nil if there is none of the system's.
func (o *fileOutput) File() *os.File {
	f, _ := o.f.(*os.File)
	return f
}
