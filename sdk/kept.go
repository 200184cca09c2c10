package sdk

import (
	"fmt"
	"os"
	"path/filepath"
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

// Forget deletes a kept dataset that no later job takes; a session that ends
// deletes all. It is no error when it is not there.
func Forget[T any](s *Session, k Kept[T]) error {
	if s.err != nil {
		return s.err
	}
	if !s.keeps(string(k)) {
		return fault.New(fault.Invalid, "%q is no dataset of this session", string(k))
	}
	if err := os.RemoveAll(string(k)); err != nil {
		return fault.Wrap(fault.Transient, fmt.Errorf("forget a kept dataset: %w", err))
	}
	return nil
}

// keeps reports whether a directory is that of a kept dataset.
func (s *Session) keeps(dir string) bool { return s.dir != "" && filepath.Dir(dir) == s.dir }

// keep returns where a dataset is kept.
func (s *Session) keep(name string) (string, error) {
	if s.dir == "" {
		return "", fault.New(fault.Invalid, "driver %s keeps datasets between its jobs: give --sheaf.session=DIR, a directory that all executors share", s.name)
	}
	if name == "" || len(name) > 100 || name[0] == '.' || strings.ContainsAny(name, "/\\\x00,*?[]{}") {
		return "", fault.New(fault.Invalid, "a dataset cannot be kept under the name %q: use a short file name", name)
	}
	return filepath.Join(s.dir, name), nil
}
