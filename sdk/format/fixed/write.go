package fixed

import (
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// WriteOptions say how files are written. The zero value writes them plain.
type WriteOptions = format.WriteOptions

// NewFormat returns the format that writes rows of rowBytes bytes each. A row
// of another length is an error (fault.Invalid).
func NewFormat(rowBytes int, opts ...WriteOptions) (graph.Format[[]byte], error) {
	if err := checkRowBytes(rowBytes); err != nil {
		return nil, err
	}
	o, err := format.OneOf("write rows of one length", opts)
	if err != nil {
		return nil, err
	}
	return format.NewFormat(format.Rows[[]byte]{
		Format: formatName, Suffix: ".bin", Compression: o.Compression,
		Append: func(dst []byte, rows [][]byte) ([]byte, error) {
			for _, row := range rows {
				if len(row) != rowBytes {
					return nil, fault.New(fault.Invalid, "a row of %d bytes among rows of %d bytes", len(row), rowBytes)
				}
				dst = append(dst, row...)
			}
			return dst, nil
		},
	})
}
