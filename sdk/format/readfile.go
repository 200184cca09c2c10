package format

import (
	"errors"
	"io"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// ReadFile returns the plain bytes of a whole file, decompressed as its name or
// its first bytes say: for tests and small files. Its errors are those of
// reading a source.
func ReadFile(path string) (content []byte, err error) {
	f, err := storage.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := newInput(f, plan.Split{Path: path, Length: f.Size(), Size: f.Size()}, false)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return io.ReadAll(in)
}
