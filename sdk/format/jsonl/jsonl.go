// Package jsonl reads and writes NDJSON, also called JSON Lines: one JSON value
// a line, a row each. Read and Write are what programs use.
//
// Values mean what they mean to encoding/json: member names come from the tag
// `json:"name,omitempty"`, else from the column's name (the tag `sheaf:"name"`
// or the field's name), and are matched exactly, then without regard to case;
// fields of embedded structs stand among those of the struct around them; null
// leaves a field as it is, and a pointer or slice nil; the last of several
// members with one name wins; bytes that are no UTF-8 become U+FFFD; times are
// those of RFC 3339 and []byte is base64. Types with methods of their own
// (json.Unmarshaler, json.Marshaler and those of text) are read and written by
// them. Times are kept as instants in UTC, within the years 1678 to 2262 that a
// column can hold.
//
// Lines of white space are passed over, and so is a byte order mark. A file
// is read by many tasks, unless it is compressed: ".gz" or ".zst", or beginning
// like such. Readers own no goroutine; what they give may be kept.
package jsonl

import (
	"sync"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// ReadOptions say how files are read. The zero value is lenient.
type ReadOptions struct {
	// Strict makes a member that the row type does not have an error. Without
	// it such members are passed over.
	Strict bool
}

// Source returns the rows of files: input names files, directories and globs,
// by comma. Its batches have the columns of T. A row type that cannot be read
// from JSON is reported by the source's method Err, and fails the job.
func Source[T any](input string, opts ...ReadOptions) graph.Source {
	o, err := format.OneOf("read "+rowsAsLines, opts)
	if err != nil {
		return format.New(format.Config{Format: formatName, Input: input, Err: err})
	}
	t, err := column.For[T]()
	if err == nil {
		_, err = newRowParser(t, o)
	}
	if err != nil {
		return format.New(format.Config{Format: formatName, Input: input, Err: fault.Wrap(fault.Invalid, err)})
	}
	parsers := &sync.Pool{New: func() any {
		p, err := newRowParser(t, o)
		if err != nil {
			panic(err) // the same was made above
		}
		return p
	}}
	return format.New(format.Config{
		Format: formatName, Input: input, Schema: t.Schema(), Lines: true,
		NewDecoder: func(p format.Piece) (format.Decoder, error) { return newDecoder(p, parsers), nil },
	})
}

// formatName is the format's name in plans and messages.
const formatName = "jsonl"

// rowsAsLines is what is read or written, in messages.
const rowsAsLines = "rows as JSON lines"
