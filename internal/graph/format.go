package graph

import (
	"context"
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Source is where rows come from: files of a format, a table, values in
// memory. A source is used by several goroutines at once; its readers are not.
type Source interface {
	// Name says what is read, for plans and messages: "text books/*.txt".
	Name() string
	// Schema is the schema of every batch that a reader gives.
	Schema() *arrow.Schema
	// Enumerate lists what there is to read, in input order. It runs once a
	// job, as a task. Files are listed whole; the scheduler cuts those that are
	// Cuttable and packs those that are small.
	Enumerate(ctx context.Context) ([]plan.Split, error)
	// Open reads one split: the rows that begin inside it. The rows of all
	// splits of a file, however it is cut, are the rows of the file.
	Open(ctx context.Context, split plan.Split, opts ReadOptions) (BatchReader, error)
}

// ReadOptions bound what a reader gives at once. The zero value of a field
// means its default.
type ReadOptions struct {
	BatchRows   int   // rows a batch at most; default DefaultBatchRows
	BatchBytes  int   // bytes of row data a batch at about; default DefaultBatchBytes
	MaxRowBytes int64 // a longer row is an error that names it; default DefaultMaxRowBytes
	// Room, when set, is called before memory for a row of that many bytes is
	// taken, and may wait until there is room for a large one. It holds until
	// the batch with the row has been worked off.
	Room func(bytes int64) error
	// Bad, when set, takes rows that cannot be decoded; the reader passes over
	// them and goes on, unless Bad returns an error. Without it, and where a reader
	// cannot tell where the next row begins, such a row is an error of Next.
	Bad func(Undecoded) error
}

// Undecoded is a row that a reader could not decode.
type Undecoded struct {
	File         string
	Offset, Line int64  // where it begins, as in RowPlace
	Raw          []byte // its bytes, borrowed
	Err          error
}

// RowPlace is where a row begins in a file.
type RowPlace struct {
	File   string
	Offset int64 // in the plain bytes of the file
	Line   int64 // from 1, or 0 where it is not known
}

// Locator is a BatchReader that knows the files of its rows.
type Locator interface {
	// Locate is Where as data.
	Locate(row int) RowPlace
}

// Defaults of ReadOptions. A batch of some thousand rows and a quarter of a
// megabyte stays in the second-level cache from reading to the last operator
// of its stage.
const (
	DefaultBatchRows   = 4096
	DefaultBatchBytes  = 256 << 10
	DefaultMaxRowBytes = 64 << 20
)

// WithDefaults returns the options with every zero field set.
func (o ReadOptions) WithDefaults() ReadOptions {
	if o.BatchRows <= 0 {
		o.BatchRows = DefaultBatchRows
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	if o.MaxRowBytes <= 0 {
		o.MaxRowBytes = DefaultMaxRowBytes
	}
	return o
}

// BatchReader reads the rows of one split as batches. It is used by one
// goroutine at a time and must be closed.
type BatchReader interface {
	// Next returns the next batch of at least one row, or io.EOF after the
	// last. The buffers of a batch are never written again: strings that view
	// them may be kept.
	Next() (arrow.Record, error)
	// BytesRead is the number of input bytes consumed so far, for progress: of
	// a compressed file, compressed bytes.
	BytesRead() int64
	// Where names the place of a row of the last batch in the input, for
	// messages: "books/emma.txt, offset 1042". Rows count from 0.
	Where(row int) string
	// Close frees what the reader holds.
	Close() error
}

// Format writes rows of type T as files. It is used by several goroutines at
// once; its writers are not.
type Format[T any] interface {
	// Name says what is written, for plans and messages: "text".
	Name() string
	// Suffix ends the name of every file: ".txt.gz".
	Suffix() string
	// NewWriter returns a writer of one file's rows into w.
	NewWriter(w io.Writer) (RowWriter[T], error)
}

// RowWriter writes the rows of one file.
type RowWriter[T any] interface {
	// Write writes rows; it keeps none of them.
	Write(rows []T) error
	// Close writes what is left; it does not close the underlying writer.
	Close() error
}
