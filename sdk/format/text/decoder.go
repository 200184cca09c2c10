package text

import (
	"bytes"
	"sort"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/sdk/format"
)

// decoder cuts lines out of windows. The offsets and bytes of a batch are
// written straight into the buffers that become its column.
type decoder struct {
	piece   format.Piece
	scratch *scratch
	last    lines // of the last batch, for Place, without its data
	offset  int64 // of the first row of the last batch
	line    int64 // of the first row of the last batch, from 1; 0 if not known
	rows    int   // of the last batch
}

// scratch is what a decoder needs and no batch keeps; pooled, because an input
// may have very many small files.
type scratch struct{ ends, crs []int32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func newDecoder(piece format.Piece) *decoder {
	d := &decoder{piece: piece, scratch: scratches.Get().(*scratch)}
	if piece.Offset == 0 {
		d.line = 1 // lines are counted only where that costs no reading
	}
	return d
}

// Close gives the scratch back.
func (d *decoder) Close() error {
	if d.scratch != nil {
		d.last = lines{}
		scratches.Put(d.scratch)
		d.scratch = nil
	}
	return nil
}

// Decode implements format.Decoder.
func (d *decoder) Decode(w format.Window) (arrow.Record, int, error) {
	l, taken, err := d.decode(w)
	if err != nil || len(l.ends) == 0 {
		return nil, 0, err
	}
	return batch(l), taken, nil
}

// decode cuts the lines of a batch; none asks for a longer window.
func (d *decoder) decode(w format.Window) (lines, int, error) {
	if d.line > 0 {
		d.line += int64(d.rows)
	}
	d.offset, d.rows = w.Offset, 0
	bound, wide := d.guess(w.Data)
	l := d.room(bound)
	src := w.Data[:min(w.Limit, bound)]
	taken := l.split(src, wide)
	taken += l.addOne(w, taken, len(src), bound)
	d.last, d.rows = lines{ends: l.ends, crs: l.crs}, len(l.ends)
	d.scratch.ends, d.scratch.crs = l.ends, l.crs
	if row, long := d.tooLong(taken); long {
		return lines{}, 0, d.piece.RowTooLong(d.Place(row).Offset)
	}
	return l, taken, nil
}

// sampleBytes is how much of a window tells how long its lines are.
const sampleBytes = 4 << 10

// guess returns how many bytes of a window make a batch, and whether its lines
// are long. The data of a batch is allocated before its lines are known, so
// that short lines, of which few bytes make a batch, must not allocate a whole
// window each time. A wrong guess makes a smaller batch.
func (d *decoder) guess(data []byte) (bound int, wide bool) {
	opts := d.piece.Options
	sample := data[:min(len(data), sampleBytes)]
	lines := bytes.Count(sample, []byte{'\n'})
	bound = min(len(data), opts.BatchBytes)
	if mean := len(sample)/(lines+1) + 1; opts.BatchRows < bound/mean {
		bound = min(bound, opts.BatchRows*mean*9/8+sampleBytes)
	}
	return bound, len(sample) >= wideMean*(lines+1)
}

// room returns empty lines with room for that many bytes and for a batch's rows.
func (d *decoder) room(n int) lines {
	rows := min(d.piece.Options.BatchRows, n+1)
	if cap(d.scratch.ends) < rows {
		d.scratch.ends = make([]int32, 0, rows)
	}
	return lines{
		data: make([]byte, 0, n),
		ends: d.scratch.ends[:0:rows],
		crs:  d.scratch.crs[:0],
	}
}

// addOne adds the line that begins at from, if it is wanted, whole, and fits
// the bound: the one that ends beyond the window's limit, or with the file, or
// that is longer than the bound and so a batch of its own. No line end lies
// between from and searched.
func (l *lines) addOne(w format.Window, from, searched, bound int) int {
	alone := len(l.ends) == 0
	if from >= w.Limit || len(l.ends) == cap(l.ends) || searched < w.Limit && !alone {
		return 0
	}
	end, size := len(w.Data), 0
	if n := bytes.IndexByte(w.Data[searched:], '\n'); n >= 0 {
		end, size = searched+n, 1
	} else if !w.Final {
		return 0
	}
	if end > bound && !alone {
		return 0
	}
	if w.Keep != nil && alone && end-from >= len(w.Data)*3/4 {
		l.data = w.Data[from:from:end] // the line stands where it would be copied to
		w.Keep()
	}
	if size == 0 {
		l.addLast(w.Data[from:])
	} else {
		l.add(w.Data[from:end])
	}
	return end + size - from
}

// tooLong finds a line above the limit, which only more bytes than the limit
// can hold.
func (d *decoder) tooLong(taken int) (row int, long bool) {
	if int64(taken) <= d.piece.Options.MaxRowBytes {
		return 0, false
	}
	start := int32(0)
	for row, end := range d.last.ends {
		if int64(end-start) > d.piece.Options.MaxRowBytes {
			return row, true
		}
		start = end
	}
	return 0, false
}

// Place implements format.Decoder. Every row before took its bytes and its
// line end, which is one byte or two.
func (d *decoder) Place(row int) format.Place {
	offset := d.offset
	row = min(row, len(d.last.ends))
	if row > 0 {
		crs := sort.Search(len(d.last.crs), func(i int) bool { return int(d.last.crs[i]) >= row })
		offset += int64(d.last.ends[row-1]) + int64(row) + int64(crs)
	}
	p := format.Place{Offset: offset}
	if d.line > 0 {
		p.Line = d.line + int64(row)
	}
	return p
}

// batch makes a record batch of lines.
func batch(l lines) arrow.Record {
	return array.NewRecord(schema, []arrow.Array{textColumn(l)}, int64(len(l.ends)))
}

// textColumn makes an array of lines. It takes the data and copies the ends.
func textColumn(l lines) arrow.Array {
	offsets := make([]int32, len(l.ends)+1)
	copy(offsets[1:], l.ends)
	return stringArray(offsets, l.data)
}

func stringArray(offsets []int32, data []byte) arrow.Array {
	rows := len(offsets) - 1
	return array.NewStringData(array.NewData(arrow.BinaryTypes.String, rows, []*memory.Buffer{
		nil,
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)),
		memory.NewBufferBytes(data),
	}, nil, 0, 0))
}
