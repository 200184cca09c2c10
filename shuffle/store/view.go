package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// View reads the map outputs that another process's store keeps in files: a
// worker's way to those of its own machine. It holds nothing and locks nothing.
// It is safe for concurrent use.
type View struct{ dirs []*dir }

// OpenView opens the directories that Store.Dirs returned in the other process.
// The caller closes the view. An error is of kind fault.Invalid, or
// fault.Resource if descriptors ran out.
func OpenView(dirs []string) (*View, error) {
	v := new(View)
	for _, path := range dirs {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, errors.Join(fault.Wrap(kindOfDisk(err, fault.Invalid), fmt.Errorf("open the directory of a store: %w", err)), v.Close())
		}
		v.dirs = append(v.dirs, &dir{path: path, files: rootFolder{root}, root: root})
	}
	return v, nil
}

// Open opens a map output as Store.Open does; out.Bytes and out.Digest must be
// what its producer reported. The digest is for ReadIndex to check.
func (v *View) Open(ctx context.Context, out plan.MapOutput) (Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, d := range v.dirs {
		o := output{dir: d, name: outputName(out.ID), size: out.Bytes}
		opened, err := o.open()
		if err == nil {
			return opened, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open map output %v: %w", out.ID, err)
		}
	}
	return nil, fault.New(fault.Fetch, "open map output %v: it is not here", out.ID)
}

// Close ends the view. Outputs already opened stay readable.
func (v *View) Close() error {
	var errs []error
	for _, d := range v.dirs {
		errs = append(errs, d.leave())
	}
	return errors.Join(errs...)
}
