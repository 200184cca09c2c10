package text

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// WriteOptions say how files are written. The zero value writes them plain.
type WriteOptions = format.WriteOptions

// NewFormat returns the format that writes each row as a line: strings and
// []byte as they are, numbers in decimal, floats as short as they can be read
// back, times by RFC 3339, the fields of a struct with tabs between them, a nil
// pointer as nothing. Nothing is escaped: a string with "\n" in it makes two
// lines, and one that ends in "\r" is read back without it. Rows with structs
// or lists inside are refused (fault.Invalid): use NewFormatFunc.
func NewFormat[T any](opts ...WriteOptions) (graph.Format[T], error) {
	t, err := column.For[T]()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	plan, err := planRow(t)
	if err != nil {
		return nil, err
	}
	rows := format.Rows[T]{Append: func(dst []byte, rows []T) ([]byte, error) {
		for i := range rows {
			dst = append(plan.append(dst, unsafe.Pointer(&rows[i])), '\n')
		}
		return dst, nil
	}}
	rows.Size = func(rows []T) int64 {
		return t.SizeRows(unsafe.Pointer(unsafe.SliceData(rows)), unsafe.Sizeof(*new(T)), len(rows))
	}
	rows.Pieces = func(dst [][]byte, row *T) [][]byte { return plan.pieces(dst, unsafe.Pointer(row)) }
	return newFormat(opts, rows)
}

// NewFormatFunc returns the format that writes each row as the line which
// appendRow appends to dst, without a line end, and returns.
func NewFormatFunc[T any](appendRow func(dst []byte, row T) []byte, opts ...WriteOptions) (graph.Format[T], error) {
	return newFormat(opts, format.Rows[T]{Append: func(dst []byte, rows []T) ([]byte, error) {
		for _, row := range rows {
			dst = append(appendRow(dst, row), '\n')
		}
		return dst, nil
	}})
}

func newFormat[T any](opts []WriteOptions, rows format.Rows[T]) (graph.Format[T], error) {
	o, err := format.OneOf("write rows as text", opts)
	if err != nil {
		return nil, err
	}
	rows.Format, rows.Suffix, rows.Compression = formatName, ".txt", o.Compression
	return format.NewFormat(rows)
}
