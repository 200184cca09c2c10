package jsonl

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// WriteOptions say how files are written. The zero value writes them plain.
type WriteOptions = format.WriteOptions

// NewFormat returns the format that writes each row as a line of JSON, as an
// encoding/json.Encoder does that escapes no HTML: "<", ">" and "&" stand as
// they are. Numbers that JSON cannot show, NaN and the infinities, are errors
// (fault.Invalid) that name the member.
func NewFormat[T any](opts ...WriteOptions) (graph.Format[T], error) {
	o, err := format.OneOf("write "+rowsAsLines, opts)
	if err != nil {
		return nil, err
	}
	t, err := column.For[T]()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	appendRow, err := appenderOf(t)
	if err != nil {
		return nil, err
	}
	return format.NewFormat(format.Rows[T]{
		Format: formatName, Suffix: ".jsonl", Compression: o.Compression,
		Append: func(dst []byte, rows []T) ([]byte, error) {
			for i := range rows {
				var err error
				if dst, err = appendRow(dst, unsafe.Pointer(&rows[i])); err != nil {
					return nil, fault.New(fault.Invalid, "write a row as a line of JSON: %w", err)
				}
				dst = append(dst, '\n')
			}
			return dst, nil
		},
	})
}
