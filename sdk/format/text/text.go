// Package text reads and writes plain text: one row a line.
//
// A "\n" ends a row and a "\r" before it is dropped; a last line without an
// end counts; every other byte is kept as it is, whether UTF-8 or not. So an
// empty file has no rows, and a file with nothing but "\n" has one empty row.
// Files ending in ".gz" or ".zst", or beginning like such, are decompressed,
// and are then read by one task each; plain files are read by many.
//
// Readers own no goroutine. The strings of a batch are garbage collected and
// may be kept.
package text

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// formatName is the format's name in plans and messages.
const formatName = "text"

// schema is one column of lines: that of string rows.
var schema = schemaOf[string]()

func schemaOf[T any]() *arrow.Schema {
	t, err := column.For[T]()
	if err != nil {
		panic(err) // only for types of this package
	}
	return t.Schema()
}

// Source returns the lines of files: input names files, directories and globs,
// by comma. Its batches have one string column, "value".
func Source(input string) graph.Source {
	return format.New(format.Config{
		Format: formatName, Input: input, Schema: schema, Lines: true,
		NewDecoder: func(p format.Piece) (format.Decoder, error) { return newDecoder(p), nil },
	})
}
