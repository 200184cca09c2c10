// Command tiny is a job for tests and measurements: many tasks that do nothing.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Tasks  int    `flag:"tasks" required:"true"`
	Output string `flag:"output"` // for the rows by their last digit; empty to print their number
}

func build(p *sdk.Pipeline, a args) error {
	rows := sdk.Read[int64](p, source(a.Tasks))
	if a.Output != "" {
		text.Write(sdk.Count(sdk.Map(rows, func(n int64) int64 { return n % 10 })), a.Output)
		return nil
	}
	sdk.Collect(sdk.Count(sdk.Map(rows, func(int64) bool { return true })), func(all []sdk.KV[bool, int64]) error {
		fmt.Println(all[0].Value)
		return nil
	})
	return nil
}

// source is so many splits of one row, none of which is packed with another.
type source int

var schema = arrow.NewSchema([]arrow.Field{{Name: "value", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (s source) Name() string          { return fmt.Sprint(int(s), " tasks") }
func (s source) Schema() *arrow.Schema { return schema }

func (s source) Enumerate(context.Context) ([]sdk.Split, error) {
	splits := make([]sdk.Split, s)
	for i := range splits {
		// As long as a task's input, so that each is one.
		splits[i] = sdk.Split{Offset: int64(i), Length: 64 << 20}
	}
	return splits, nil
}

func (s source) Open(_ context.Context, split sdk.Split, _ sdk.ReadOptions) (sdk.BatchReader, error) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.Append(split.Offset)
	return &reader{next: array.NewRecord(schema, []arrow.Array{b.NewArray()}, 1)}, nil
}

type reader struct{ next arrow.Record }

func (r *reader) Next() (arrow.Record, error) {
	if r.next == nil {
		return nil, io.EOF
	}
	rec := r.next
	r.next = nil
	return rec, nil
}

func (r *reader) BytesRead() int64 { return 64 << 20 }
func (r *reader) Where(int) string { return "a task" }
func (r *reader) Close() error     { return nil }

func main() { sdk.Main(sdk.Define("tiny", build)) }
