package csv

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// WriteOptions say how CSV files are written. The zero value writes RFC 4180
// with a header, "\n" at the end of rows and quotes only where they are needed.
type WriteOptions struct {
	// Comma separates fields: one ASCII character, 0 for a comma.
	Comma rune
	// NoHeader leaves out the line of column names.
	NoHeader bool
	// TimeLayout is the layout of times, as package time defines it; "" writes
	// RFC 3339 with as many digits of the second as there are.
	TimeLayout string
	// Compression of the files: "" for none, "gzip" or "zstd".
	Compression string
}

// NewFormat returns the format that writes each row as a line of CSV: floats as
// short as they can be read back, nil as nothing and an empty string behind a
// pointer as "" in quotes, so that Source reads the same rows again. Only a row
// that is nothing but one nil string comes back as an empty one, because a line
// with nothing on it is no row.
func NewFormat[T any](opts ...WriteOptions) (graph.Format[T], error) {
	o, err := format.OneOf("write csv", opts)
	if err != nil {
		return nil, err
	}
	comma, err := separator("write", o.Comma)
	if err != nil {
		return nil, err
	}
	typ, err := column.For[T]()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	fields, err := fieldsOf("write", typ)
	if err != nil {
		return nil, err
	}
	line := newLineWriter(comma, o.TimeLayout, fields)
	rows := format.Rows[T]{Format: formatName, Suffix: ".csv", Compression: o.Compression,
		Append: func(dst []byte, rows []T) ([]byte, error) {
			for i := range rows {
				dst = line.append(dst, unsafe.Pointer(&rows[i]))
			}
			return dst, nil
		}}
	if !o.NoHeader {
		rows.Header = line.header(fields)
	}
	return format.NewFormat(rows)
}
