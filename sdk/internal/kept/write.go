package kept

import (
	"io"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// Format returns the format that writes rows of a type.
func Format[T any](typ *column.Type) graph.Format[T] { return format[T]{typ} }

type format[T any] struct{ typ *column.Type }

// Name implements graph.Format.
func (f format[T]) Name() string { return "kept" }

// Suffix implements graph.Format.
func (f format[T]) Suffix() string { return Suffix }

// NewWriter implements graph.Format.
func (f format[T]) NewWriter(w io.Writer) (graph.RowWriter[T], error) {
	if _, err := w.Write(appendHead(nil, f.typ.String())); err != nil {
		return nil, err
	}
	return &writer[T]{out: w, columns: column.NewBuilder(f.typ), encoder: block.NewEncoder(block.S2)}, nil
}

// rowsAtOnce bounds by how much a block grows beyond its size.
const rowsAtOnce = 64

type writer[T any] struct {
	out          io.Writer
	columns      *column.Builder
	encoder      *block.Encoder
	frame, buf   []byte // scratch
	rows, blocks uint64
}

// Write implements graph.RowWriter.
func (w *writer[T]) Write(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), rowsAtOnce)
		if err := column.AppendRows(w.columns, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
		// A block is a batch of whoever reads it.
		if w.columns.Rows()+rowsAtOnce > graph.DefaultBatchRows || w.columns.Bytes() >= graph.DefaultBatchBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes what is gathered.
func (w *writer[T]) flush() error {
	n := w.columns.Rows()
	if n == 0 {
		return nil
	}
	sel := make([]uint32, n)
	for i := range sel {
		sel[i] = uint32(i)
	}
	err := w.put(sel)
	w.columns.Reset()
	return err
}

// put writes the selected rows as one block, or as several if they are large.
func (w *writer[T]) put(sel []uint32) (err error) {
	w.frame = w.columns.AppendFrame(w.frame[:0], sel)
	if len(w.frame) > block.MaxRawBytes && len(sel) > 1 {
		half := len(sel) / 2
		if err := w.put(sel[:half]); err != nil {
			return err
		}
		return w.put(sel[half:])
	}
	if len(w.frame) > block.MaxRowBytes {
		return fault.New(fault.Invalid, "a row of %d bytes, at most %d can be kept", len(w.frame), block.MaxRowBytes)
	}
	if w.buf, err = w.encoder.Append(w.buf[:0], w.frame, len(sel)); err != nil {
		return err
	}
	w.rows += uint64(len(sel))
	w.blocks++
	_, err = w.out.Write(w.buf)
	return err
}

// Close implements graph.RowWriter.
func (w *writer[T]) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.out.Write(appendFoot(nil, w.rows, w.blocks))
	return err
}
