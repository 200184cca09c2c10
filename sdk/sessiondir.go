package sdk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
)

const (
	sessionPrefix = "sheaf-session-"
	sessionLock   = "lock"
)

// sessionDir makes the directory of a session in this process, and removes those
// of processes that have died. remove deletes it.
func sessionDir(parent string) (dir string, remove func() error, err error) {
	sweepSessions(parent)
	wrap := func(err error) error {
		return fault.Wrap(fault.Invalid, fmt.Errorf("make a directory for kept datasets: %w", err))
	}
	if dir, err = os.MkdirTemp(parent, sessionPrefix); err != nil {
		return "", nil, wrap(err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, sessionLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = filelock.Try(lock)
	}
	if err != nil {
		return "", nil, errors.Join(wrap(err), lock.Close(), os.RemoveAll(dir))
	}
	return dir, func() error { return errors.Join(os.RemoveAll(dir), lock.Close()) }, nil
}

// sweepSessions removes the sessions whose lock is free. One that is being made
// has no lock yet and stays; what cannot be removed is somebody else's.
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
