package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Expand lists the input files that patterns name, which are separated by
// commas. Each is
//
//   - a file;
//   - a directory, which stands for all files in it and below;
//   - a pattern: * and ? match characters of one name, [a-z] one character of a
//     set ([!a-z] or [^a-z] one outside it), ** any number of directories
//     including none, {a,b} either of two texts, slashes included. A pattern
//     matches files; with a slash at its end it matches directories and stands
//     for the files below them.
//
// A backslash takes the meaning from the character after it, so \, is a comma in a name.
//
// Names that begin with . or _ are passed over in directories and by wildcards;
// a pattern gets them by naming them (".cache/*", "*/_old.csv", "_*"). Links to
// files are followed everywhere, links to directories where they are named or
// matched by a part of the pattern, but not below ** or a directory, since they
// may lead in circles. What is no regular file, such as a pipe, is passed over
// unless it is named.
//
// Files come in the order of the patterns, and sorted bytewise by path within
// one; a file that several patterns find is listed once, at its first place.
// Paths begin as the user wrote them.
//
// An error of kind fault.Invalid names the file or pattern and says what to do:
// no such file, nothing matches, a directory or link that cannot be read, a
// mistake in a pattern with its position. An empty directory is no error.
func Expand(ctx context.Context, patterns string) ([]File, error) {
	if strings.TrimSpace(patterns) == "" {
		return nil, fault.New(fault.Invalid, "no input is named: give a file, a directory or a pattern such as 'data/*.txt'")
	}
	items, err := parsePatterns(patterns)
	if err != nil {
		return nil, err
	}
	seen := newSeenFiles()
	var all []File
	for _, it := range items {
		files, err := it.expand(ctx)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		for _, f := range files {
			if seen.add(f) {
				all = append(all, f)
			}
		}
	}
	return all, nil
}

// ListDir lists the files of a directory and below, sorted bytewise by path, as
// Expand does for a name without wildcards, whatever characters the name has.
func ListDir(ctx context.Context, dir string) ([]File, error) {
	var w walker
	if err := w.named(ctx, dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Invalid, "no such input: %q: %s", dir, hintMissing(dir))
		}
		return nil, err
	}
	slices.SortFunc(w.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return w.files, nil
}

// expand finds the files of one item, unsorted and perhaps more than once.
func (it item) expand(ctx context.Context) ([]File, error) {
	if scheme, rest, ok := cutScheme(it.text); ok {
		if scheme == "file" {
			return nil, fault.New(fault.Invalid, "input %q: write the plain path %q", it.text, rest)
		}
		return nil, fault.New(fault.Invalid, "input %q: %s:// is not supported: copy the data to a file system and name it there", it.text, scheme)
	}
	var w walker
	if g := newGlob(it.paths[0]); len(it.paths) == 1 && len(g.segments) == 0 {
		err := w.named(ctx, g.prefix)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, fault.New(fault.Invalid, "no such input: %q: %s", g.prefix, hintMissing(g.prefix))
		}
		return w.files, err
	}
	for _, path := range it.paths {
		if err := w.alternative(ctx, newGlob(path)); err != nil {
			return nil, err
		}
	}
	if len(w.files) == 0 && !w.emptyDir {
		return w.unmatched(it)
	}
	return w.files, nil
}

// alternative finds what one of several alternatives, or a pattern, stands for;
// finding nothing is no error yet.
func (w *walker) alternative(ctx context.Context, g glob) error {
	if len(g.segments) > 0 {
		w.segments = g.segments
		return w.visit(ctx, g.prefix, w.reach(nil, 0), true)
	}
	err := w.named(ctx, g.prefix)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// unmatched is what becomes of a pattern that matches no file: a file whose name
// merely looks like a pattern, or an error.
func (w *walker) unmatched(it item) ([]File, error) {
	if info, err := os.Stat(it.text); err == nil && info.Mode().IsRegular() {
		return []File{fileOf(it.text, info)}, nil
	}
	hint := "check the spelling"
	prefix := newGlob(it.paths[0]).prefix
	switch {
	case w.matchedDir != "":
		hint = fmt.Sprintf("it matches only directories, such as %q: name them, or add /** to read the files below them", w.matchedDir)
	case w.passedOver != "":
		hint = fmt.Sprintf("only hidden files match, such as %q: begin the name in the pattern with its . or _ to get them", w.passedOver)
	case prefix != "":
		if _, err := os.Stat(prefix); err != nil {
			hint = hintMissing(prefix)
		}
	}
	return nil, fault.New(fault.Invalid, "no input file matches %q: %s", it.text, hint)
}

// cutScheme splits "s3://bucket/x"; names of one letter are no schemes.
func cutScheme(text string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(text, "://")
	if !ok || len(scheme) < 2 {
		return "", "", false
	}
	for _, c := range scheme {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "", "", false
		}
	}
	return scheme, rest, true
}

// seenFiles finds files that were listed before under the same or another
// spelling of their path.
type seenFiles struct {
	workDir string
	byPath  map[string]File
}

func newSeenFiles() seenFiles {
	// Without a working directory relative and absolute spellings merely stay distinct.
	dir, _ := os.Getwd()
	return seenFiles{workDir: dir, byPath: make(map[string]File)}
}

// add reports whether f is new. The cleaned path is not proof enough: x/../a may
// lead elsewhere when x is a link, so the versions must agree as well.
func (s seenFiles) add(f File) bool {
	key := filepath.Clean(f.Path)
	if !filepath.IsAbs(key) {
		key = filepath.Join(s.workDir, key)
	}
	before, ok := s.byPath[key]
	if !ok {
		s.byPath[key] = f
		return true
	}
	return before.Inode != f.Inode || before.Size != f.Size || before.ModNanos != f.ModNanos
}
