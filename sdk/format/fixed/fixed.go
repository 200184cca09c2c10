// Package fixed reads and writes files of rows that all have the same number
// of bytes, one after the other with nothing between: the files of sort
// benchmarks, of sensors, of mainframes. A file whose size is no whole number
// of rows is refused. Files ending in ".gz" or ".zst" are decompressed and read
// by one task each; plain files are read by many. Readers own no goroutine; the
// bytes of a batch are garbage collected and may be kept.
package fixed

import (
	"math"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// formatName is the format's name in plans and messages.
const formatName = "fixed"

// schema is one column of rows: that of []byte rows.
var schema = schemaOf[[]byte]()

func schemaOf[T any]() *arrow.Schema {
	t, err := column.For[T]()
	if err != nil {
		panic(err) // only for types of this package
	}
	return t.Schema()
}

// Source returns the rows of files whose rows have rowBytes bytes each: input
// names files, directories and globs, by comma. Its batches have one binary
// column, "value". A row length below 1 is reported by the source's methods.
func Source(input string, rowBytes int) graph.Source {
	// All readers of a source give the same offsets, since those of rows of one
	// length depend on nothing else.
	var shared atomic.Pointer[[]int32]
	return format.New(format.Config{
		Format: formatName, Input: input, Schema: schema, RowBytes: int64(rowBytes),
		// Whether rows happen to begin like a compressed file says nothing.
		SuffixOnly: true,
		Err:        checkRowBytes(rowBytes),
		NewDecoder: func(p format.Piece) (format.Decoder, error) {
			if int64(rowBytes) > p.Options.MaxRowBytes {
				return nil, p.RowTooLong(p.Offset)
			}
			return &decoder{piece: p, rowBytes: rowBytes, shared: &shared}, nil
		},
	})
}

func checkRowBytes(n int) error {
	if n < 1 || n > math.MaxInt32 {
		return fault.New(fault.Invalid, "rows of %d bytes: a row length is from 1 to %d bytes", n, math.MaxInt32)
	}
	return nil
}
