//go:build unix

package filelock

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Take locks the file at path, which it makes if need be, and writes this
// process's id into it. Close frees the lock; the file stays, and
// nobody must remove or rename it, for then a second one could be locked. When
// another process holds the lock, the error wraps ErrHeld and names the path and
// the holder, as far as that has written its id.
func Take(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = Try(f)
	if errors.Is(err, ErrHeld) {
		err = fmt.Errorf("%s is %w%s", path, err, holder(f))
	} else if err == nil {
		err = sign(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sign writes the holder's id. The last holder's goes first, so that nobody
// reads a mixture of the two.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder says which process holds the lock, if that can be read.
func holder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0) // the end of the file comes before 32 bytes
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(": pid %d", pid)
}
