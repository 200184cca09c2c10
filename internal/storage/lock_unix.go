//go:build unix

package storage

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sheafdata/sheaf/internal/filelock"
)

// lockFile takes the lock at path, which is free once its holder is gone,
// whatever became of it. The file stays until unlockFile removes it.
func lockFile(path string) (*os.File, error) { return lockFileAs(path, filelock.Try) }

// shareLock takes the lock at path together with others that share it.
func shareLock(path string) (*os.File, error) { return lockFileAs(path, filelock.TryShared) }

func lockFileAs(path string, try func(*os.File) error) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := try(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// The holder before us may have removed the name after we opened it: then
		// our lock excludes nobody, and we begin again with the name as it is now.
		if sameFile(f, path) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

func sameFile(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, named)
}

// writableDir reports whether this process may make names in a directory.
func writableDir(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
