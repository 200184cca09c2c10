package sdk

import (
	"context"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
)

// Values gives rows that the program holds: small inputs, and tests. rows must
// not change until the job has ended.
func Values[T any](p *Pipeline, rows ...T) Dataset[T] {
	return Read[T](p, valuesSource[T]{rowType[T](p, caller()), rows})
}

type valuesSource[T any] struct {
	typ  *column.Type
	rows []T
}

func (v valuesSource[T]) Name() string { return fmt.Sprintf("%d values", len(v.rows)) }

func (v valuesSource[T]) Schema() *arrow.Schema { return v.typ.Schema() }

func (v valuesSource[T]) Enumerate(context.Context) ([]Split, error) {
	return []Split{{Length: int64(len(v.rows)), Cuttable: true}}, nil
}

func (v valuesSource[T]) Open(_ context.Context, s Split, opts ReadOptions) (BatchReader, error) {
	opts = opts.WithDefaults()
	return &valuesReader[T]{
		columns: column.NewBuilder(v.typ), rows: v.rows[s.Offset : s.Offset+s.Length],
		limit: opts.BatchRows, bytes: int64(opts.BatchBytes), next: int(s.Offset),
	}, nil
}

type valuesReader[T any] struct {
	columns *column.Builder
	rows    []T
	limit   int
	bytes   int64
	first   int // index of the last batch's first row
	next    int
	read    int64
}

func (r *valuesReader[T]) Next() (arrow.Record, error) {
	if len(r.rows) == 0 {
		return nil, io.EOF
	}
	n := 0
	for n < min(r.limit, len(r.rows)) && (n == 0 || r.columns.Bytes() < r.bytes) {
		if err := r.columns.Append(unsafe.Pointer(&r.rows[n]), 0, 1); err != nil {
			return nil, err
		}
		n++
	}
	r.rows = r.rows[n:]
	r.first, r.next = r.next, r.next+n
	r.read += r.columns.Bytes()
	return r.columns.Record(), nil
}

func (r *valuesReader[T]) BytesRead() int64 { return r.read }

func (r *valuesReader[T]) Where(row int) string { return fmt.Sprintf("value %d", r.first+row) }

func (r *valuesReader[T]) Close() error { return nil }
