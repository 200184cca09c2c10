package csv

import (
	"bytes"
	"sort"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/sdk/format"
)

// decoder cuts rows out of windows in two steps: sweep and walk find where the
// fields of a batch end, then each column that the row type has is parsed from
// top to bottom into the buffers that become its array.
type decoder struct {
	table   *table
	piece   format.Piece
	scratch *scratch
	columns []int // of the file, for each field; nil until the header is read
	width   int   // columns of the file
	begin   int64 // offset behind the header
	run     int   // rows to walk before the next sweep
	problem problem
	bad     span       // of the row that Decode failed on
	sizes   []textSize // of each field's column, in the last batch

	keep   func() // of the window
	offset int64  // of the last batch's window
	rows   int    // of the last batch

	// Of a compressed file, lines before the window; of a plain one, lines
	// before the offset counted.
	lines   int64
	counted int64
}

func newDecoder(t *table, piece format.Piece) (*decoder, error) {
	d := &decoder{table: t, piece: piece, scratch: scratches.Get().(*scratch), run: 1, sizes: make([]textSize, len(t.fields))}
	if t.NoHeader {
		d.columns, d.width = t.positions(), len(t.fields)
		return d, nil
	}
	if piece.Offset > 0 && piece.Compression == format.None {
		if err := d.readHeader(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// maxKeptText bounds the memory that one huge text leaves behind in the pool.
const maxKeptText = 1 << 20

// Close gives the scratch back.
func (d *decoder) Close() error {
	if d.scratch != nil {
		d.rows = 0
		if cap(d.scratch.text) > maxKeptText {
			d.scratch.text = nil
		}
		scratches.Put(d.scratch)
		d.scratch = nil
	}
	return nil
}

// Decode implements format.Decoder.
func (d *decoder) Decode(w format.Window) (arrow.Record, int, error) {
	d.rows, d.keep, d.bad = 0, w.Keep, span{}
	batch, taken, err := d.decode(w)
	if err != nil && d.bad.begin == 0 {
		taken = d.bad.end // passed over next, or nothing is
	}
	if d.piece.Compression != format.None {
		d.lines += int64(bytes.Count(w.Data[:taken], newline))
	}
	if err != nil {
		return nil, 0, err
	}
	return batch, taken, nil
}

// span is some bytes of a window.
type span struct{ begin, end int }

// Bad implements format.Tolerant. Where quotes are wrong nobody knows where the
// next row begins.
func (d *decoder) Bad() (begin, end int) { return d.bad.begin, d.bad.end }

// rowAt returns the row of the batch at hand that holds a place of the window.
func (d *decoder) rowAt(at, taken int) span {
	starts := d.scratch.starts
	k := sort.Search(len(starts), func(i int) bool { return int(starts[i])+1 > at })
	if k == 0 {
		return span{}
	}
	s := span{int(starts[k-1]) + 1, taken}
	if k < len(starts) {
		s.end = int(starts[k]) + 1
	}
	return s
}

func (d *decoder) decode(w format.Window) (arrow.Record, int, error) {
	if w.Offset < d.begin {
		return nil, int(min(d.begin-w.Offset, int64(len(w.Data)))), nil
	}
	if d.columns == nil {
		taken, err := d.header(w)
		return nil, taken, err
	}
	taken, err := d.cut(w)
	rows := len(d.scratch.starts)
	if err != nil || rows == 0 {
		return nil, taken, err
	}
	d.offset, d.rows = w.Offset, rows
	arrays := make([]arrow.Array, len(d.columns))
	d.problem = problem{}
	for i := range d.columns {
		arrays[i] = d.column(w.Data, i)
	}
	if d.problem.err != nil {
		if !d.problem.placed {
			d.bad = d.rowAt(d.problem.at, taken)
		}
		d.rows = 0
		return nil, 0, d.located(w, d.problem)
	}
	if d.table.counts() && d.piece.Compression == format.None && worthKnowing(w.Offset, taken) {
		d.table.quotes.know(d.piece, w.Offset+int64(taken))
	}
	return array.NewRecord(d.table.schema, arrays, int64(rows)), taken, nil
}

// cut finds the rows of the next batch and returns how many bytes they take,
// with what is no row before and between them.
func (d *decoder) cut(w format.Window) (int, error) {
	s := d.scratch
	s.clear()
	opts := d.piece.Options
	at := afterBOM(w)
	if at < 0 {
		return 0, nil
	}
	first := at
	full := func(rows, next int) bool {
		return next != first && (next >= w.Limit || rows >= opts.BatchRows || rows > 0 && next > opts.BatchBytes)
	}
	for at < len(w.Data) && !full(len(s.starts), at) {
		next, odd := at, true
		if !d.comment(w, at) {
			before := len(s.starts)
			next, odd = d.sweep(w, at, full)
			if added := len(s.starts) - before; added > d.run {
				d.run = 1
			}
		}
		at = next
		if full(len(s.starts), at) || !odd && !w.Final && !d.comment(w, at) {
			break
		}
		more := false
		var err error
		if at, more, err = d.walkSome(w, at, full); err != nil || !more {
			return d.wanted(w, first, at), err
		}
	}
	return d.wanted(w, first, at), nil
}

// comment reports whether a comment begins at a place.
func (d *decoder) comment(w format.Window, at int) bool {
	return d.table.comment != 0 && at < len(w.Data) && w.Data[at] == d.table.comment
}

// maxRun bounds how many rows are walked before the next sweep.
const maxRun = 64

// walkSome walks a few rows, the more the less the sweeps before found, since
// files that are irregular are mostly so throughout. It returns where the next
// row begins, and whether to go on.
func (d *decoder) walkSome(w format.Window, at int, full func(rows, next int) bool) (next int, more bool, err error) {
	for range d.run {
		if at >= len(w.Data) || full(len(d.scratch.starts), at) {
			break
		}
		next, what := d.walk(w, at, d.width)
		switch {
		case what == foundProblem && len(d.scratch.starts) > 0 || what == foundNone:
			return at, false, nil
		case what == foundProblem:
			d.bad = d.problem.row
			return at, false, d.located(w, d.problem)
		}
		at = next
	}
	d.run = min(2*d.run, maxRun)
	return at, true, nil
}

// wanted drops the rows at the end that are too many for the batch or begin
// beyond the piece, and returns how many bytes are taken: up to the first of
// them, or to at if there are none.
func (d *decoder) wanted(w format.Window, first, at int) int {
	s, opts := d.scratch, d.piece.Options
	rows := len(s.starts)
	for rows > 0 {
		begin := int(s.starts[rows-1]) + 1
		if fits := rows <= opts.BatchRows && (at <= opts.BatchBytes || rows == 1); fits && (begin < w.Limit || begin == first) {
			break
		}
		rows--
		at = begin
	}
	s.truncate(rows, d.width)
	return at
}

// Place implements format.Decoder.
func (d *decoder) Place(row int) format.Place {
	p := format.Place{Offset: d.offset}
	if row < d.rows {
		p.Offset += int64(d.scratch.starts[row]) + 1
	}
	if d.piece.Compression == format.None {
		// A row that cannot be counted is still placed by its offset.
		if before, err := d.linesBefore(p.Offset); err == nil {
			p.Line = before + 1
		}
	}
	return p
}
