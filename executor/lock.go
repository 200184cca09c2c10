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
	f, err := filelock.Take(filepath.Join(dir, "lock"))
	if errors.Is(err, filelock.ErrHeld) {
		err = fault.New(fault.Invalid, "another executor runs in %s: give this one a directory of its own (%w)", dir, err)
	}
	return f, fault.Wrap(fault.Invalid, err)
}
