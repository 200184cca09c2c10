package journal

import (
	"errors"

	"github.com/hashicorp/raft-wal/types"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/storage"
)

// files returns the file system of the log. With failpoints some lie between the
// log's own steps.
func files(vfs types.VFS) types.VFS {
	vfs = taken{vfs}
	if failpoint.Enabled {
		return failing{vfs}
	}
	return vfs
}

// taken is a file system whose files are durable once they can be written to. What
// a process wrote that was killed is there for the next one, which relies on it, and
// may not be on the disk; the log syncs the name of a file in the process that made
// it and no other.
type taken struct{ types.VFS }

// OpenWriter implements types.VFS.
func (v taken) OpenWriter(dir, name string) (types.WritableFile, error) {
	f, err := v.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Sync(), storage.SyncDir(dir)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// failing is a file system with failpoints.
type failing struct{ types.VFS }

// Create implements types.VFS.
func (v failing) Create(dir, name string, size uint64) (types.WritableFile, error) {
	return writable(v.VFS.Create(dir, name, size))
}

// OpenWriter implements types.VFS.
func (v failing) OpenWriter(dir, name string) (types.WritableFile, error) {
	return writable(v.VFS.OpenWriter(dir, name))
}

func writable(f types.WritableFile, err error) (types.WritableFile, error) {
	if err != nil {
		return nil, err
	}
	return failingFile{f}, nil
}

type failingFile struct{ types.WritableFile }

// WriteAt implements io.WriterAt.
func (f failingFile) WriteAt(p []byte, at int64) (int, error) {
	if err := failpoint.Hit(failpoint.JournalWrite); err != nil {
		return 0, err
	}
	return f.WritableFile.WriteAt(p, at)
}

// Sync implements types.WritableFile.
func (f failingFile) Sync() error {
	if err := failpoint.Hit(failpoint.JournalSync); err != nil {
		return err
	}
	return f.WritableFile.Sync()
}
