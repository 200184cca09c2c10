package journal

import (
	"github.com/hashicorp/raft-wal/types"

	"github.com/sheafdata/sheaf/internal/failpoint"
)

// files returns the file system of the log. With failpoints some lie between the
// log's own steps.
func files(vfs types.VFS) types.VFS {
	if failpoint.Enabled {
		return failing{vfs}
	}
	return vfs
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
