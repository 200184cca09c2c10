package sdk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
)

const (
	sessionPrefix = "sheaf-session-"
	sessionLock   = "lock"
	// makingPrefix begins the name of a session whose lock is not taken yet, so that
	// nobody takes it for one of the dead.
	makingPrefix = "sheaf-begin-"
)

// sessionDir makes the directory of a session in this process, and removes those
// of processes that have died. remove deletes it.
func sessionDir(parent string) (dir string, remove func() error, err error) {
	sweepSessions(parent)
	wrap := func(err error) error {
		return fault.Wrap(fault.Invalid, fmt.Errorf("make a directory for kept datasets: %w", err))
	}
	making, err := os.MkdirTemp(parent, makingPrefix)
	if err != nil {
		return "", nil, wrap(err)
	}
	dir = filepath.Join(parent, sessionPrefix+strings.TrimPrefix(filepath.Base(making), makingPrefix))
	lock, err := os.OpenFile(filepath.Join(making, sessionLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = filelock.Try(lock); err == nil {
			err = os.Rename(making, dir)
		}
	}
	if err != nil {
		return "", nil, errors.Join(wrap(err), lock.Close(), os.RemoveAll(making))
	}
	return dir, func() error { return errors.Join(os.RemoveAll(dir), filelock.Close(lock)) }, nil
}

// sweepSessions removes the sessions whose lock is free. What cannot be removed is
// somebody else's.
func sweepSessions(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, sessionPrefix+"*", sessionLock)) // the pattern is good
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if filelock.Try(lock) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		lock.Close()
	}
}
