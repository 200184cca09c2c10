package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// CheckDestination says, before any work is done, whether a job can publish at
// dest: fault.Invalid when dest exists and overwrite is false, when it is no
// directory, when it must not be replaced as a whole (a mount point, or a
// directory above the working or home directory), or when the directory around
// it cannot be written. Directories above dest that do not exist are no error:
// CreateStage makes them.
func CheckDestination(dest string, overwrite bool) error {
	path, err := resolve(dest)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case err == nil:
		if err := checkExisting(dest, path, info, overwrite); err != nil {
			return err
		}
	case !absent(err):
		return outputError("look at output", dest, 0, err)
	}
	return checkParent(dest, filepath.Dir(path))
}

// resolve returns the absolute path of dest, with a link at its end followed,
// so that publishing replaces the directory and not the link.
func resolve(dest string) (string, error) {
	if dest == "" {
		return "", fault.New(fault.Invalid, "no output is named: give a directory that does not exist yet")
	}
	if scheme, rest, ok := cutScheme(dest); ok {
		if scheme == "file" {
			return "", fault.New(fault.Invalid, "output %q: write the plain path %q", dest, rest)
		}
		return "", fault.New(fault.Invalid, "output %q: %s:// is not supported: write to a file system", dest, scheme)
	}
	path, err := filepath.Abs(dest)
	if err != nil {
		return "", fmt.Errorf("output %q: %w", dest, err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, nil
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Invalid, "output %q is a link to what does not exist: remove it or choose another", dest)
	}
	if err != nil {
		return "", outputError("look at output", dest, 0, err)
	}
	return target, nil
}

func checkExisting(dest, path string, info fs.FileInfo, overwrite bool) error {
	if !info.IsDir() {
		return fault.New(fault.Invalid, "output %q exists and is %s: choose another or remove it", dest, fileOrKind(info.Mode()))
	}
	if !overwrite {
		return existsError(dest)
	}
	return checkReplaceable(dest, path, info)
}

func existsError(dest string) error {
	return fault.New(fault.Invalid, "output %q exists: choose another or pass --sheaf.overwrite to replace it as a whole", dest)
}

func fileOrKind(mode fs.FileMode) string {
	if mode.IsRegular() {
		return "a file"
	}
	return kindOfFile(mode)
}

// checkReplaceable refuses what a user hardly means to delete, and what the
// system does not let us replace.
func checkReplaceable(dest, path string, info fs.FileInfo) error {
	if parent, err := os.Stat(filepath.Dir(path)); err == nil && deviceOf(parent) != deviceOf(info) {
		return fault.New(fault.Invalid, "output %q is a mount point and cannot be replaced: choose a directory inside it", dest)
	}
	workDir, _ := os.Getwd()
	home, _ := os.UserHomeDir()
	for _, precious := range []string{workDir, home} {
		if within(precious, path) {
			return fault.New(fault.Invalid, "output %q would be deleted to replace it, with %q in it: choose another", dest, precious)
		}
	}
	return nil
}

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	if path == "" {
		return false
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	relative, err := filepath.Rel(dir, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, "../")
}

// checkParent looks for the nearest existing directory around dest.
func checkParent(dest, dir string) error {
	for {
		info, err := os.Stat(dir)
		if absent(err) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, outputError("look at the directory of output", dest, 0, err))
		}
		if !info.IsDir() {
			return fault.New(fault.Invalid, "output %q: %q is a file, not a directory", dest, dir)
		}
		if err := writableDir(dir); err != nil {
			return fault.New(fault.Invalid, "output %q: directory %q cannot be written: %w: make it writable for this user or write elsewhere", dest, dir, err)
		}
		return nil
	}
}
