package storage

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNew and exchange use renameat2(2), which is the only way to rename
// without a moment in which both or neither name exists.
func renameNew(from, to string) error { return renameat2(from, to, unix.RENAME_NOREPLACE) }

func exchange(from, to string) error { return renameat2(from, to, unix.RENAME_EXCHANGE) }

func renameat2(from, to string, flags uint) error {
	for {
		err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		// Network file systems answer EINVAL to the flags, old kernels ENOSYS.
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTSUP):
			return errUnsupported
		}
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
}
