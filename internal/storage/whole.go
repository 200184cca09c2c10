package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// newSuffix marks a file that is being written.
const newSuffix = ".new"

// WriteWhole writes a small file that is there whole or not at all, whatever
// happens meanwhile, and that nobody but its owner reads. A file of that name is
// replaced. Nobody else may write the same file at the same time: what a process
// that was ended left beside it, under the name with ".new" behind it, is
// written over.
func WriteWhole(path string, data []byte) error {
	return new(disk).writeWhole(path, data)
}

func (d *disk) writeWhole(path string, data []byte) error {
	next := path + newSuffix
	err := d.writeNext(next, data)
	if err == nil {
		err = d.rename(next, path)
	}
	if err != nil {
		if left := os.Remove(next); !errors.Is(left, fs.ErrNotExist) {
			err = errors.Join(err, left)
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	return d.syncDir(filepath.Dir(path))
}

// writeNext writes a file and makes its bytes durable, so that a name which it
// gets later never stands for others.
func (d *disk) writeNext(path string, data []byte) error {
	if err := d.allow("create", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = d.write(f, data); err == nil {
		err = d.sync(f)
	}
	return errors.Join(err, d.close(f))
}
