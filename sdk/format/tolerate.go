package format

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/graph"
)

// tolerate goes on after a row that the decoder failed on: it gives the rows
// before that one, or leaves it out if there are none.
func (r *reader) tolerate(w Window, err error) (arrow.Record, int, error) {
	dec, ok := r.dec.(Tolerant)
	for ok {
		begin, end := dec.Bad()
		if end == 0 {
			break
		}
		// What stands before the first row, such as a byte order mark, is no row:
		// with that as limit the decoder came to the same row again.
		if begin == 0 || begin >= w.Limit {
			bad := graph.Undecoded{File: r.piece.Path, Offset: w.Offset + int64(begin), Raw: w.Data[begin:end], Err: err}
			return nil, end, r.piece.Options.Bad(bad)
		}
		w.Limit = begin
		batch, taken, again := r.dec.Decode(w)
		if again == nil {
			return batch, taken, nil
		}
		err = again
	}
	return nil, 0, err
}
