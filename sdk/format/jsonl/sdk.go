package jsonl

import (
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Read reads the rows of files, one JSON value a line: input names files,
// directories and globs, by comma.
func Read[T any](p *sdk.Pipeline, input string, opts ...ReadOptions) sdk.Dataset[T] {
	return sdk.Read[T](p, Source[T](input, opts...))
}

// Write writes each row as a line of JSON in files of a new directory, as
// NewFormat says. A row type that cannot be written as JSON, or an unknown
// option, fails the job.
func Write[T any](ds sdk.Dataset[T], dir string, opts ...WriteOptions) {
	f, err := NewFormat[T](opts...)
	sdk.Write(ds, dir, format.OrBroken(formatName, f, err))
}
