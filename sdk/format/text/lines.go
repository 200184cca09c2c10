package text

import (
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Line is a line of a file and where it stands.
type Line struct {
	File   string // as the input names it
	Number int64  // from 1
	Text   string // without its line end
}

var lineSchema = schemaOf[Line]()

// LinesSource returns the lines of files with the places where they stand, as
// rows of type Line. Since the number of a line is known only to who has read
// the file from its beginning, each file is read by one task: prefer Source
// where the places do not matter.
func LinesSource(input string) graph.Source {
	return format.New(format.Config{
		Format: "text lines", Input: input, Schema: lineSchema,
		NewDecoder: func(p format.Piece) (format.Decoder, error) {
			// The paths of a batch must stay within int32 offsets.
			p.Options.BatchRows = min(p.Options.BatchRows, math.MaxInt32/max(len(p.Path), 1))
			return &lineDecoder{decoder: newDecoder(p)}, nil
		},
	})
}

// lineDecoder adds the places to what a decoder finds.
type lineDecoder struct {
	*decoder
	// The column of a path repeated is the same for every batch of a length, so
	// batches view these, which are replaced and never written again.
	pathOffsets []int32
	paths       []byte
}

// Decode implements format.Decoder.
func (d *lineDecoder) Decode(w format.Window) (arrow.Record, int, error) {
	l, taken, err := d.decode(w)
	rows := len(l.ends)
	if err != nil || rows == 0 {
		return nil, 0, err
	}
	columns := []arrow.Array{d.files(rows), numbers(d.line, rows), textColumn(l)}
	return array.NewRecord(lineSchema, columns, int64(rows)), taken, nil
}

// files returns a column of the file's path.
func (d *lineDecoder) files(rows int) arrow.Array {
	size := len(d.piece.Path)
	if len(d.pathOffsets) <= rows {
		offsets, paths := make([]int32, rows+1), make([]byte, 0, rows*size)
		for i := range rows {
			paths = append(paths, d.piece.Path...)
			offsets[i+1] = int32(len(paths))
		}
		d.pathOffsets, d.paths = offsets, paths
	}
	return stringArray(d.pathOffsets[:rows+1], d.paths[:rows*size])
}

// numbers returns a column of numbers that count up.
func numbers(first int64, rows int) arrow.Array {
	values := make([]int64, rows)
	for i := range values {
		values[i] = first + int64(i)
	}
	return array.NewInt64Data(array.NewData(arrow.PrimitiveTypes.Int64, rows, []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values)),
	}, nil, 0, 0))
}
