//go:build unix

// Package filelock takes advisory locks of whole files. Staging directories,
// stores and the directories of daemons use them to tell a living owner from a
// dead one: the kernel frees a lock with its process, however that ends. The
// package owns no goroutine. Network file systems without flock give an error.
package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld says that somebody else holds the lock.
var ErrHeld = errors.New("locked by a running process")

// Try takes the exclusive lock of an open file without waiting, or returns
// ErrHeld. Close frees the lock. A file that was opened by name may have lost that
// name meanwhile: the caller checks.
func Try(f *os.File) error { return try(f, unix.LOCK_EX) }

// TryShared takes the lock as Try does, but together with others that share it.
// A shared lock becomes an exclusive one by Try, which may lose it when it fails.
func TryShared(f *os.File) error { return try(f, unix.LOCK_SH) }

// Close frees the lock of a file and closes it. Closing alone is not enough where
// the process starts others: until a child runs its program it has all files of its
// parent open, and their locks with them.
func Close(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_UN)
	if err != nil {
		err = &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return errors.Join(err, f.Close())
}

func try(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrHeld
		}
		return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
}
