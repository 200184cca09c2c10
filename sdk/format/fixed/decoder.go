package fixed

import (
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format"
)

// decoder cuts rows of one length out of windows.
type decoder struct {
	piece    format.Piece
	rowBytes int
	offset   int64 // of the first row of the last batch
	shared   *atomic.Pointer[[]int32]
}

// Decode implements format.Decoder.
func (d *decoder) Decode(w format.Window) (arrow.Record, int, error) {
	wanted := (w.Limit + d.rowBytes - 1) / d.rowBytes
	rows := min(wanted, len(w.Data)/d.rowBytes, d.piece.Options.BatchRows, max(d.piece.Options.BatchBytes/d.rowBytes, 1))
	if rows == 0 {
		if w.Final {
			return nil, 0, fault.New(fault.Invalid, "%s, offset %d: the last row has %d bytes of %d: check the row length, and whether the file is complete", d.piece.Path, w.Offset, len(w.Data), d.rowBytes)
		}
		return nil, 0, nil
	}
	d.offset = w.Offset
	size := rows * d.rowBytes
	return d.batch(w.Data[:size], rows), size, nil
}

// Place implements format.Decoder.
func (d *decoder) Place(row int) format.Place {
	return format.Place{Offset: d.offset + int64(row)*int64(d.rowBytes)}
}

// batch makes a record batch of a copy of the rows.
func (d *decoder) batch(rows []byte, n int) arrow.Record {
	data := array.NewData(arrow.BinaryTypes.Binary, n, []*memory.Buffer{
		nil,
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(d.offsets(n))),
		memory.NewBufferBytes(append([]byte(nil), rows...)),
	}, nil, 0, 0)
	return array.NewRecord(schema, []arrow.Array{array.NewBinaryData(data)}, int64(n))
}

// offsets returns 0, rowBytes, 2*rowBytes, ... to n rows. Every batch views
// the same slice, which is never written again: a batch that needs a longer
// one makes it for all.
func (d *decoder) offsets(n int) []int32 {
	if o := d.shared.Load(); o != nil && len(*o) > n {
		return (*o)[:n+1]
	}
	o := make([]int32, n+1)
	for i := range o {
		o[i] = int32(i * d.rowBytes)
	}
	d.shared.Store(&o)
	return o
}
