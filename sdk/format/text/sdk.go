package text

import (
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Read reads the lines of files: input names files, directories and globs, by
// comma.
func Read(p *sdk.Pipeline, input string) sdk.Dataset[string] {
	return sdk.Read[string](p, Source(input))
}

// Write writes each row as a line of text files in a new directory, as
// NewFormat says: a KV is its key, a tab and its value. A row type that has no
// one way to be a line, or an unknown option, fails the job: use WriteFunc.
func Write[T any](in sdk.Dataset[T], dir string, opts ...WriteOptions) {
	f, err := NewFormat[T](opts...)
	sdk.Write(in, dir, format.OrBroken(formatName, f, err))
}

// WriteFunc writes each row as the line which appendRow appends to dst, without
// a line end, and returns. It is called by several goroutines at once.
func WriteFunc[T any](in sdk.Dataset[T], dir string, appendRow func(dst []byte, row T) []byte, opts ...WriteOptions) {
	f, err := NewFormatFunc(appendRow, opts...)
	sdk.Write(in, dir, format.OrBroken(formatName, f, err))
}

// Lines reads the lines of files together with the places where they stand.
// Each file is read by one task: prefer Read where the places do not matter.
func Lines(p *sdk.Pipeline, input string) sdk.Dataset[Line] {
	return sdk.Read[Line](p, LinesSource(input))
}
