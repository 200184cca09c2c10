package sdk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/internal/kept"
)

// Kept names a dataset of rows of T that a session keeps between its jobs. It
// is made by Keep and goes to jobs among their arguments: one gives the rows
// with Persist, later ones take them with Persisted.
type Kept[T any] string

// Keep names a dataset that the session keeps. Name is a file name, and each is
// used for one dataset: a driver that loops counts in it.
func Keep[T any](s *Session, name string) Kept[T] {
	path, err := s.keep(name)
	if err != nil && s.err == nil {
		s.err = err // RunIn says so
	}
	return Kept[T](path)
}

// Persist keeps the rows of a dataset in the session. They are there at once
// when the whole job has succeeded, as with Write.
func Persist[T any](in Dataset[T], as Kept[T]) {
	p, at := in.pipelineOf("Persist")
	if as == "" {
		p.failf(at, "Persist needs a Kept that Keep gave, but got the zero one")
	}
	Write(in, string(as), kept.Format[T](rowType[T](p, at)))
}

// Persisted gives the rows that an earlier job of the session kept. They come
// in the parts in which they were written, so a dataset that was sorted is read
// in parallel and is not sorted any more.
func Persisted[T any](p *Pipeline, from Kept[T]) Dataset[T] {
	at := caller()
	if from == "" {
		p.failf(at, "Persisted needs a Kept that Keep gave, but got the zero one")
	}
	return Read[T](p, kept.Source(rowType[T](p, at), string(from)))
}

// Forget says that no later job takes a kept dataset. It is deleted when the next
// job has succeeded: until then a driver that begins again may need it. What is
// not forgotten goes at the session's end. The name must not be kept again.
func Forget[T any](s *Session, k Kept[T]) error {
	if s.err != nil {
		return s.err
	}
	if !s.keeps(string(k)) {
		return fault.New(fault.Invalid, "%q is no dataset of this session", string(k))
	}
	s.forgotten = append(s.forgotten, string(k))
	return nil
}

// forget deletes what was forgotten before a job that has succeeded.
func (s *Session) forget() error {
	for _, dir := range s.forgotten[s.deleted:] {
		if err := os.RemoveAll(dir); err != nil {
			return fault.Wrap(fault.Transient, fmt.Errorf("forget a kept dataset: %w", err))
		}
		s.deleted++
	}
	return nil
}

// keeps reports whether a directory is that of a kept dataset. What comes back in
// a Kept may be any string.
func (s *Session) keeps(dir string) bool {
	return s.dir != "" && filepath.Clean(dir) == dir && filepath.Dir(dir) == s.dir && filepath.Base(dir) != sessionLock
}

// keep returns where a dataset is kept.
func (s *Session) keep(name string) (string, error) {
	if s.dir == "" {
		return "", fault.New(fault.Invalid, "driver %s keeps datasets between its jobs: give --sheaf.session=DIR, a directory that all executors share", s.name)
	}
	path := filepath.Join(s.dir, name)
	if slices.Contains(s.forgotten, path) {
		return "", fault.New(fault.Invalid, "dataset %q was forgotten: a dataset that is kept later needs a name of its own", name)
	}
	if name == "" || name == sessionLock || len(name) > 100 || name[0] == '.' || strings.ContainsAny(name, "/\\\x00,*?[]{}") {
		return "", fault.New(fault.Invalid, "a dataset cannot be kept under the name %q: use a short file name", name)
	}
	return path, nil
}
