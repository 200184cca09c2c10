package csv

import (
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Read reads the rows of CSV files into a struct type: input names files,
// directories and globs, by comma. A column goes to the field of its name: of
// the tag `csv:"name"`, of the tag `sheaf:"name"`, or of the field itself, in
// that order; capitals count only where names differ by nothing else. A field
// without a column is an error, a column without a field is passed over.
//
// Fields are bools, numbers, strings, []byte, times, and pointers to these, for
// columns with empty fields, which are null. What does not fit is an error that
// names file, line and column.
func Read[T any](p *sdk.Pipeline, input string, opts ...ReadOptions) sdk.Dataset[T] {
	return sdk.Read[T](p, Source[T](input, opts...))
}

// Write writes rows of a struct type as CSV files in a new directory, with a
// header in each, as NewFormat says.
func Write[T any](in sdk.Dataset[T], dir string, opts ...WriteOptions) {
	f, err := NewFormat[T](opts...)
	sdk.Write(in, dir, format.OrBroken(formatName, f, err))
}
