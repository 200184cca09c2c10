package jsonl

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format"
)

// decoder makes batches of the lines of windows. A row is where its line
// begins, white space included.
type decoder struct {
	piece   format.Piece
	parsers *sync.Pool
	parser  *rowParser
	tail    []byte // the last line of a file that does not end with "\n"

	offset int64   // of the last window
	line   int64   // of the last window's first line, from 1; 0 if not known
	lines  int64   // that were taken of the last window
	starts []int32 // of the rows of the last batch, in the window
	blanks []int32 // lines without a row before each row of the last batch

	badBegin, badEnd int // of the row that Decode failed on, in the window
}

// byteOrderMark may begin a file.
const byteOrderMark = "\ufeff"

func newDecoder(piece format.Piece, parsers *sync.Pool) *decoder {
	d := &decoder{piece: piece, parsers: parsers, parser: parsers.Get().(*rowParser)}
	if piece.Offset == 0 {
		d.line = 1 // lines are counted only where that costs no reading
	}
	return d
}

// Close gives the parser back.
func (d *decoder) Close() error {
	if d.parser != nil {
		d.parser.reset()
		d.parsers.Put(d.parser)
		d.parser = nil
	}
	return nil
}

// Decode implements format.Decoder.
func (d *decoder) Decode(w format.Window) (arrow.Record, int, error) {
	if d.line > 0 {
		d.line += d.lines
	}
	d.offset, d.lines, d.badEnd = w.Offset, 0, 0
	d.starts, d.blanks = d.starts[:0], d.blanks[:0]
	data := w.Data[:bytes.LastIndexByte(w.Data, '\n')+1]
	if len(data) == 0 {
		if !w.Final {
			return nil, 0, nil
		}
		// Behind a long row, which may be viewed, the tail is not used again.
		d.tail = append(append(d.tail[:0], w.Data...), '\n')
		data, d.tail = d.tail, nil
	}
	d.parser.keep = nil
	if w.Keep != nil && bytes.IndexByte(data, '\n') >= len(w.Data)*3/4 {
		d.parser.keep = w.Keep // a row that is most of the window
	}
	taken, err := d.decode(data, min(w.Limit, len(data)))
	if err != nil {
		d.giveUp(len(w.Data))
		return nil, 0, err
	}
	taken = min(taken, len(w.Data)) // the tail's "\n" was not there
	if len(d.starts) == 0 {
		return nil, taken, nil
	}
	return d.parser.builder.Record(), taken, nil
}

// giveUp forgets the rows of a batch that failed: they are decoded again, or the
// one at fault is passed over with its line.
func (d *decoder) giveUp(windowBytes int) {
	d.parser.forget()
	d.parser.builder.Reset()
	d.starts, d.blanks, d.lines = d.starts[:0], d.blanks[:0], 0
	d.badEnd = min(d.badEnd, windowBytes) // the tail's "\n" was not there
	if d.badEnd > 0 && d.badBegin == 0 {
		d.lines = 1
	}
}

// Bad implements format.Tolerant.
func (d *decoder) Bad() (begin, end int) { return d.badBegin, d.badEnd }

// decode puts the rows of a batch, which begin before limit, into columns, and
// returns how many bytes they took.
func (d *decoder) decode(data []byte, limit int) (int, error) {
	opts, p := &d.piece.Options, d.parser
	p.in.data = data
	at, blanks := 0, int32(0)
	for at < limit && len(d.starts) < opts.BatchRows {
		if len(d.starts) > 0 && at-int(d.starts[0]) >= opts.BatchBytes {
			break
		}
		end, row, err := p.line(at + d.mark(data, at))
		switch {
		case err != nil:
			return 0, d.refused(err)
		case end == failed:
			d.badBegin, d.badEnd = at, at+bytes.IndexByte(data[at:], '\n')+1
			return 0, d.invalid(data, at)
		case int64(end-at) > opts.MaxRowBytes && int64(len(bytes.TrimSuffix(data[at:end], []byte("\r")))) > opts.MaxRowBytes:
			return 0, d.piece.RowTooLong(d.offset + int64(at))
		case row:
			d.starts = append(d.starts, int32(at))
			d.blanks = append(d.blanks, blanks)
		default:
			blanks++
		}
		at = end + 1
		d.lines++
	}
	if err := p.flush(); err != nil {
		return 0, d.refused(err)
	}
	return at, nil
}

// mark returns the length of a byte order mark, if one begins the file here.
func (d *decoder) mark(data []byte, at int) int {
	if d.offset+int64(at) == 0 && bytes.HasPrefix(data, []byte(byteOrderMark)) {
		return len(byteOrderMark)
	}
	return 0
}

// invalid is the error for the line at a place, about which the parser says
// what is wrong.
func (d *decoder) invalid(data []byte, at int) error {
	in := &d.parser.in
	offset := d.offset + int64(at)
	where := d.piece.Path
	if line := d.lineOf(offset); line > 0 {
		where = fmt.Sprintf("%s:%d:%d", where, line, in.badAt-at+1)
	}
	of := ""
	if d.piece.Compression != format.None {
		of = " of the decompressed bytes"
	}
	return fault.New(fault.Invalid, "%s: %s, at offset %d%s", where, in.message(), d.offset+int64(in.badAt), of)
}

// lineOf returns the number of the line that begins at an offset and is not
// taken yet, or 0 if it is not known.
func (d *decoder) lineOf(offset int64) int64 {
	if d.line > 0 {
		return d.line + d.lines
	}
	lines, ok := d.piece.LinesBefore(offset)
	if !ok {
		return 0
	}
	return lines + 1
}

// refused names the place of rows that columns do not take.
func (d *decoder) refused(err error) error {
	return fmt.Errorf("%s, offset %d: rows from here on: %w", d.piece.Path, d.offset, err)
}

// Place implements format.Decoder.
func (d *decoder) Place(row int) format.Place {
	if row = min(row, len(d.starts)-1); row < 0 {
		return format.Place{Offset: d.offset, Line: d.line}
	}
	p := format.Place{Offset: d.offset + int64(d.starts[row])}
	if d.line > 0 {
		p.Line = d.line + int64(row) + int64(d.blanks[row])
	}
	return p
}
