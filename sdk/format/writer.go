package format

import (
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Rows says how rows of type T are written as bytes.
type Rows[T any] struct {
	// Format names the format in plans and messages: "text".
	Format string
	// Suffix ends the names of files, before that of the compression: ".txt".
	Suffix string
	// Compression of the files: "" for none, "gzip" or "zstd".
	Compression string
	// Header is written first in every file, such as a line of column names.
	Header []byte
	// Append appends the bytes of rows to dst and returns it. It is called
	// with a few rows at a time and by several goroutines at once. On an error
	// what it returns is not written.
	Append func(dst []byte, rows []T) ([]byte, error)
	// Size and Pieces, when set, let long rows be written without gathering
	// them in memory once more: Size tells about how many bytes rows take, and
	// Pieces appends the bytes of one row to dst piece by piece, as views of it
	// where that can be.
	Size   func(rows []T) int64
	Pieces func(dst [][]byte, row *T) [][]byte
}

// NewFormat returns a format that writes rows as Rows says. A compression that
// is not known is an error (fault.Invalid).
func NewFormat[T any](rows Rows[T]) (graph.Format[T], error) {
	compression, err := parseCompression(rows.Compression)
	if err != nil {
		return nil, err
	}
	return &appendFormat[T]{rows, compression}, nil
}

type appendFormat[T any] struct {
	rows        Rows[T]
	compression Compression
}

// Name implements graph.Format.
func (f *appendFormat[T]) Name() string { return f.rows.Format }

// Suffix implements graph.Format.
func (f *appendFormat[T]) Suffix() string { return f.rows.Suffix + f.compression.Suffix() }

// NewWriter implements graph.Format.
func (f *appendFormat[T]) NewWriter(w io.Writer) (graph.RowWriter[T], error) {
	out, err := f.compression.Writer(w)
	if err != nil {
		return nil, err
	}
	return &appendWriter[T]{
		rows: &f.rows, out: out,
		buf: append(make([]byte, 0, writeBytes+writeBytes/4), f.rows.Header...),
	}, nil
}

const (
	// writeBytes is about how much is handed on at once.
	writeBytes = 64 << 10
	// appendRowsAtOnce bounds how far the buffer grows beyond writeBytes.
	appendRowsAtOnce = 64
	// longRowsBytes is the size of rows at once from which they are written
	// piece by piece.
	longRowsBytes = 1 << 20
)

// appendWriter gathers rows in a buffer and hands it on when it is full.
type appendWriter[T any] struct {
	rows   *Rows[T]
	out    io.WriteCloser
	buf    []byte
	pieces [][]byte // scratch
	err    error
}

// Write implements graph.RowWriter.
func (w *appendWriter[T]) Write(rows []T) error {
	for len(rows) > 0 && w.err == nil {
		n := min(len(rows), appendRowsAtOnce)
		if w.rows.Pieces != nil && w.rows.Size(rows[:n]) >= longRowsBytes {
			for i := range rows[:n] {
				w.writeLong(&rows[i])
			}
			rows = rows[n:]
			continue
		}
		buf, err := w.rows.Append(w.buf, rows[:n])
		if err != nil {
			w.err = err
			break
		}
		w.buf, rows = buf, rows[n:]
		if len(w.buf) >= writeBytes {
			w.flush()
		}
	}
	return w.err
}

// writeLong writes a row piece by piece; long pieces pass the buffer by.
func (w *appendWriter[T]) writeLong(row *T) {
	w.pieces = w.rows.Pieces(w.pieces[:0], row)
	for _, p := range w.pieces {
		if len(p) >= writeBytes {
			w.flush()
			if w.err == nil {
				_, w.err = w.out.Write(p)
			}
			continue
		}
		if w.buf = append(w.buf, p...); len(w.buf) >= writeBytes {
			w.flush()
		}
	}
	clear(w.pieces) // or it would keep the row
}

func (w *appendWriter[T]) flush() {
	if w.err != nil || len(w.buf) == 0 {
		return
	}
	_, w.err = w.out.Write(w.buf)
	w.buf = w.buf[:0]
	if cap(w.buf) > 16*writeBytes {
		w.buf = make([]byte, 0, writeBytes+writeBytes/4) // one huge row must not hold its memory
	}
}

// Close implements graph.RowWriter. After an error it returns that error and
// leaves the stream without its end, so that nobody takes it for whole.
func (w *appendWriter[T]) Close() error {
	w.flush()
	if w.err != nil {
		return w.err
	}
	w.err = fault.New(fault.Internal, "write after close")
	return w.out.Close()
}
