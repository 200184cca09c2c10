package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
)

// checkEvery is how many entries of a directory are looked at between two looks
// at the context.
const checkEvery = 512

// walker finds the files of one item. It walks a directory once for all places
// in the pattern that apply to it: a state is the index of the segment that the
// directory's entries are held against, and ** keeps its state on the way down.
type walker struct {
	segments []segment
	files    []File

	emptyDir   bool   // a directory was named, so no file at all is no error
	matchedDir string // a directory that a pattern for files matched
	passedOver string // a hidden file that would have matched
}

// below is the pattern of a named directory.
var below = []segment{{deep: true}}

// named lists a file, or the files of a directory, that the user wrote out.
func (w *walker) named(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return inputError("look at input", path, err)
	}
	if info.IsDir() {
		w.emptyDir = true
		w.segments = below
		return w.visit(ctx, strings.TrimSuffix(path, "/")+"/", []int{0}, false)
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, "input %q is %s, not a regular file: copy its data to a file first", path, kindOfFile(info.Mode()))
	}
	w.files = append(w.files, fileOf(path, info))
	return nil
}

// reach adds a state and the states that are reached from it without a further
// directory, since ** may stand for none.
func (w *walker) reach(states []int, i int) []int {
	for {
		if !slices.Contains(states, i) {
			states = append(states, i)
		}
		if !w.segments[i].deep || i+1 == len(w.segments) {
			return states
		}
		i++
	}
}

// visit holds the entries of a directory against the states. dir is "" or ends
// in a slash. With maybe set the directory need not exist.
func (w *walker) visit(ctx context.Context, dir string, states []int, maybe bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list inputs: %w", err)
	}
	read := false
	for _, i := range states {
		s := w.segments[i]
		// Names are looked up directly where nothing else makes us read the directory.
		if s.plain && (s.text == ".." || w.allPlain(states)) {
			if err := w.lookUp(ctx, dir+s.text, i); err != nil {
				return err
			}
			continue
		}
		read = true
	}
	if !read {
		return nil
	}
	entries, err := readDir(dir, maybe)
	if err != nil {
		return err
	}
	for n, entry := range entries {
		if n%checkEvery == checkEvery-1 && ctx.Err() != nil {
			return fmt.Errorf("list inputs: %w", ctx.Err())
		}
		if err := w.entry(ctx, dir, entry, states); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) allPlain(states []int) bool {
	return !slices.ContainsFunc(states, func(i int) bool { return !w.segments[i].plain })
}

// lookUp follows the plain segment i to path.
func (w *walker) lookUp(ctx context.Context, path string, i int) error {
	if i+1 < len(w.segments) {
		return w.visit(ctx, path+"/", w.reach(nil, i+1), true)
	}
	info, err := os.Stat(path)
	switch {
	case absent(err):
		return nil
	case err != nil:
		return inputError("look at input", path, err)
	case info.IsDir():
		w.matchedDir = path
	case info.Mode().IsRegular():
		w.files = append(w.files, fileOf(path, info))
	}
	return nil
}

// entry holds one entry of dir against the states.
func (w *walker) entry(ctx context.Context, dir string, entry fs.DirEntry, states []int) error {
	name, mode := entry.Name(), entry.Type()
	link := mode&fs.ModeSymlink != 0
	if !mode.IsRegular() && !mode.IsDir() && !link {
		return nil
	}
	matched := false
	var next []int
	for _, i := range states {
		s := w.segments[i]
		last := i+1 == len(w.segments)
		if !s.deep && !s.matches(name) {
			continue
		}
		if hidden(name) && !s.wantsHidden() {
			if last && !mode.IsDir() {
				w.passedOver = dir + name
			}
			continue
		}
		matched = matched || last
		switch {
		case mode.IsRegular():
		case s.deep && mode.IsDir():
			next = w.reach(next, i)
		case !s.deep && !last:
			next = w.reach(next, i+1)
		}
	}
	if !matched && next == nil {
		return nil
	}
	return w.take(ctx, dir+name, entry, matched, next)
}

// take lists an entry that the whole pattern matched, and walks on below it
// with the next states.
func (w *walker) take(ctx context.Context, path string, entry fs.DirEntry, matched bool, next []int) error {
	isDir := entry.IsDir()
	if !isDir {
		info, err := infoOf(path, entry)
		if err != nil && !matched && absent(err) {
			return nil // a dangling link where only a directory would do
		}
		if err != nil {
			return unusable(path, entry, err)
		}
		if matched && info.Mode().IsRegular() {
			w.files = append(w.files, fileOf(path, info))
		}
		isDir = info.IsDir()
	}
	if !isDir {
		return nil
	}
	if matched && next == nil {
		w.matchedDir = path
	}
	if next == nil {
		return nil
	}
	return w.visit(ctx, path+"/", next, false)
}

// infoOf describes the file behind an entry, following links.
func infoOf(path string, entry fs.DirEntry) (fs.FileInfo, error) {
	if entry.Type()&fs.ModeSymlink != 0 {
		return os.Stat(path)
	}
	return entry.Info()
}

// unusable explains why an entry that should be read cannot be.
func unusable(path string, entry fs.DirEntry, err error) error {
	if !absent(err) {
		return inputError("look at input", path, err)
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		target, _ := os.Readlink(path)
		return fault.New(fault.Invalid, "input %q is a link to %q, which does not exist: repair or remove it", path, target)
	}
	return fault.New(fault.Invalid, "input %q vanished while it was listed: run the job again once the files are at rest", path)
}

// readDir reads a directory, in no order. dir is "" for the working directory.
func readDir(dir string, maybe bool) ([]fs.DirEntry, error) {
	name := dir
	if name == "" {
		name = "."
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, dirError(dir, maybe, err)
	}
	// Not os.ReadDir, which sorts: the paths are sorted once at the end.
	entries, err := f.ReadDir(-1)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, dirError(dir, maybe, err)
	}
	return entries, nil
}

func dirError(dir string, maybe bool, err error) error {
	if maybe && absent(err) {
		return nil
	}
	return fault.Wrap(fault.Invalid, inputError("read input directory", dir, err))
}

// absent reports whether a path leads nowhere.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
