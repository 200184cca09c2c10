package csv

import (
	"bytes"
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format"
)

// problem is what is wrong at a place of a window.
type problem struct {
	at     int
	err    error
	placed bool // err says where already
	row    span // that is no row, where it is known where it ends
}

// located turns a problem into an error that says where it is: file, line and
// byte of the line, as editors take it, and the offset.
func (d *decoder) located(w format.Window, p problem) error {
	if p.placed {
		return p.err
	}
	offset := w.Offset + int64(p.at)
	line, err := d.line(w, p.at)
	if err != nil {
		return err
	}
	if line == 0 {
		return fault.New(fault.Invalid, "%s, offset %d: %w", d.piece.Path, offset, p.err)
	}
	column := p.at - bytes.LastIndexByte(w.Data[:p.at], '\n')
	return fault.New(fault.Invalid, "%s:%d:%d: %w (offset %d)", d.piece.Path, line, column, p.err, offset)
}

// line returns the line number of a place of a window, or 0 where finding it
// would take too long. Windows begin with a line.
func (d *decoder) line(w format.Window, at int) (int64, error) {
	before := d.lines
	if d.piece.Compression == format.None {
		var err error
		if before, err = d.linesBefore(w.Offset); err != nil || before < 0 {
			return 0, err
		}
	}
	return before + int64(bytes.Count(w.Data[:at], newline)) + 1, nil
}

var newline = []byte{'\n'}

// countedBytes bounds how far before a place lines are counted: about two
// seconds of reading.
const countedBytes = 8 << 30

// linesBefore counts the lines before an offset of a plain file, from where it
// counted last; -1 if that is too far. Nothing is counted until somebody asks.
func (d *decoder) linesBefore(offset int64) (int64, error) {
	if offset < d.counted {
		d.counted, d.lines = 0, 0
	}
	if offset-d.counted > countedBytes {
		return -1, nil
	}
	buf := make([]byte, min(offset-d.counted, 256<<10))
	for d.counted < offset {
		n, err := d.piece.File.ReadAt(buf[:min(int64(len(buf)), offset-d.counted)], d.counted)
		d.lines += int64(bytes.Count(buf[:n], newline))
		d.counted += int64(n)
		if err != nil && (err != io.EOF || n == 0) {
			return -1, err
		}
	}
	return d.lines, nil
}
