package format

import (
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Piece is what a decoder is made for: the rows that begin in a byte range of
// one file.
type Piece struct {
	// Path names the file.
	Path string
	// Offset is where the piece begins in the file; 0 if it is compressed.
	Offset int64
	// Split is the piece as it was cut. It pins the file's version.
	Split plan.Split
	// Size is the size of the file in bytes, as stored.
	Size int64
	// Compression says how the file is stored. Windows are always plain bytes.
	Compression Compression
	// File is the stored file, for a header that a piece further on needs to
	// know. It is valid until the reader is closed.
	File io.ReaderAt
	// Options bound the batches; every field is set.
	Options graph.ReadOptions
}

// Window is a stretch of a file's plain bytes that begins with a row.
type Window struct {
	// Data is borrowed: it is overwritten after Decode has returned.
	Data []byte
	// Offset is the place of Data[0] in the plain bytes of the file.
	Offset int64
	// Limit bounds the rows that are wanted: those that begin in Data[:Limit].
	// The last of them may end beyond. It is at least 1.
	Limit int
	// Keep, where it is not nil, may be called by a decoder whose batch views
	// Data: then it is not overwritten. That saves the copy of a long row, and
	// pays when the row is most of the window, which lives as long as the row.
	Keep func()
	// Final says that the file ends with Data: a last row without its line end
	// is whole.
	Final bool
}

// Decoder cuts rows out of windows and makes batches of them. It is used by
// one goroutine. A decoder that is an io.Closer is closed with its reader.
type Decoder interface {
	// Decode makes a batch of the whole rows at the beginning of the window, at
	// most BatchRows and about BatchBytes of them, and returns how many bytes
	// of the window they took, line ends included. A nil batch with some bytes
	// taken passes over what is no row, such as a header. A nil batch and 0
	// asks for a longer window, and may not be the answer to a final one. It
	// checks that no row is longer than MaxRowBytes (Piece.RowTooLong); the
	// base does so for a row that no window up to that limit holds whole.
	Decode(w Window) (batch arrow.Record, taken int, err error)
	// Place says where a row of the last batch begins. Rows count from 0.
	Place(row int) Place
}

// Tolerant is a Decoder that may know where a row ends that it cannot decode, so
// that it can be left out.
type Tolerant interface {
	// Bad says, after Decode has failed, which bytes of the window are the row at
	// fault. end is 0 where it is not known where the next row begins. Decode may
	// then be called again: with the rows before it as limit, or, where it was the
	// first, with a window that begins behind it.
	Bad() (begin, end int)
}

// Place is where a row begins.
type Place struct {
	// Offset counts the plain bytes of the file before the row.
	Offset int64
	// Line is the row's line number from 1, or 0 where it is not known.
	Line int64
}

// RowTooLong returns the error for a row that begins at a plain offset and is
// longer than MaxRowBytes.
func (p Piece) RowTooLong(offset int64) error {
	return fault.New(fault.Invalid, "%s, offset %d: the row that begins here is longer than the limit of %d bytes: check that the file has the format that is read and that its rows end", p.Path, offset, p.Options.MaxRowBytes)
}
