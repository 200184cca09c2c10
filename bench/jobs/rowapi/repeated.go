package main

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/sdk"
)

// batchRows keeps a batch in the second-level cache.
const batchRows = 4096

// orderBatch makes the batch that is worked through again and again.
func orderBatch() arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "ID", Type: arrow.PrimitiveTypes.Int64},
		{Name: "Customer", Type: arrow.BinaryTypes.String},
		{Name: "Country", Type: arrow.BinaryTypes.String},
		{Name: "Quantity", Type: arrow.PrimitiveTypes.Int32},
		{Name: "Cents", Type: arrow.PrimitiveTypes.Int64},
		{Name: "Express", Type: arrow.FixedWidthTypes.Boolean},
	}, nil))
	countries := []string{"DE", "FR", "US", "GB", "CN"}
	for i := range batchRows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("customer-%07d", i*7919%100_000))
		b.Field(2).(*array.StringBuilder).Append(countries[i*31%len(countries)])
		b.Field(3).(*array.Int32Builder).Append(int32(i * 7919 % 17))
		b.Field(4).(*array.Int64Builder).Append(int64(i*7919%100_000) + 1)
		b.Field(5).(*array.BooleanBuilder).Append(i%3 == 0)
	}
	return b.NewRecord()
}

// repeated is a source that gives one batch until there were enough rows.
type repeated struct {
	batch arrow.Record
	rows  int64
}

func (r repeated) Name() string { return fmt.Sprintf("%d rows of one batch", r.rows) }

func (r repeated) Schema() *arrow.Schema { return r.batch.Schema() }

func (r repeated) Enumerate(context.Context) ([]sdk.Split, error) {
	return []sdk.Split{{Length: r.rows, Cuttable: true}}, nil
}

func (r repeated) Open(_ context.Context, s sdk.Split, _ sdk.ReadOptions) (sdk.BatchReader, error) {
	return &repeatedReader{batch: r.batch, left: s.Length}, nil
}

type repeatedReader struct {
	batch arrow.Record
	left  int64
	read  int64
}

func (r *repeatedReader) Next() (arrow.Record, error) {
	if r.left == 0 {
		return nil, io.EOF
	}
	n := min(r.left, r.batch.NumRows())
	r.left -= n
	r.read += n
	return r.batch.NewSlice(0, n), nil
}

func (r *repeatedReader) BytesRead() int64 { return r.read }

func (r *repeatedReader) Where(row int) string { return fmt.Sprintf("row %d of the batch", row) }

func (r *repeatedReader) Close() error { return nil }
