package fixed

import (
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Read reads files of rows of rowBytes bytes each: input names files,
// directories and globs, by comma.
func Read(p *sdk.Pipeline, input string, rowBytes int) sdk.Dataset[[]byte] {
	return sdk.Read[[]byte](p, Source(input, rowBytes))
}

// Write writes rows of rowBytes bytes each as files in a new directory. A row
// of another length, or an unknown option, fails the job.
func Write(in sdk.Dataset[[]byte], dir string, rowBytes int, opts ...WriteOptions) {
	f, err := NewFormat(rowBytes, opts...)
	sdk.Write(in, dir, format.OrBroken(formatName, f, err))
}
