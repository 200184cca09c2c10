package executor

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
)

// lockDirectory keeps a second executor out of a directory.
func lockDirectory(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	if err := filelock.Try(f); err != nil {
		if errors.Is(err, filelock.ErrHeld) {
			err = fault.New(fault.Invalid, "another executor runs in %s: give this one a directory of its own (%w)", dir, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
