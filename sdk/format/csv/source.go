package csv

import (
	"bytes"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Source returns the rows of CSV files as rows of T: input names files,
// directories and globs, by comma. What is wrong with T or the options is
// reported by the source's methods.
func Source[T any](input string, opts ...ReadOptions) graph.Source {
	t, err := newTable[T](opts)
	if err != nil {
		return format.New(format.Config{Format: formatName, Input: input, Schema: arrow.NewSchema(nil, nil), Err: err})
	}
	config := format.Config{
		Format: formatName, Input: input, Schema: t.schema, Lines: t.lines(),
		NewDecoder: func(p format.Piece) (format.Decoder, error) { return newDecoder(t, p) },
	}
	if t.counts() {
		config.Begin = t.quotes.begin
	}
	return format.New(config)
}

// table is what all readers of a source share: the row type and how files are
// to be read. Only quotes ever changes.
type table struct {
	dialect
	fields []field
	schema *arrow.Schema
	nulls  [][]byte
	quotes quoteIndex
}

func newTable[T any](opts []ReadOptions) (*table, error) {
	d, err := dialectOf(opts)
	if err != nil {
		return nil, err
	}
	typ, err := column.For[T]()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	fields, err := fieldsOf("read", typ)
	if err != nil {
		return nil, err
	}
	t := &table{dialect: d, fields: fields, schema: typ.Schema()}
	for _, text := range d.NullValues {
		t.nulls = append(t.nulls, []byte(text))
	}
	return t, nil
}

// isNull reports whether a text, not in quotes, stands for null.
func (t *table) isNull(text []byte) bool {
	for _, null := range t.nulls {
		if bytes.Equal(text, null) {
			return true
		}
	}
	return false
}
