package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// overhangBytes is what is first read beyond a piece to end its last row.
	overhangBytes = 4 << 10
	// lineEndBytes is what may follow a row of MaxRowBytes: "\r\n".
	lineEndBytes = 2
)

// reader reads the rows of one split.
type reader struct {
	config *Config
	in     *input
	piece  Piece
	dec    Decoder

	pooled *[windowBytes]byte // nil once a longer buffer was needed
	buf    []byte
	r, w   int   // what is read and not yet decoded: buf[r:w]
	offset int64 // of buf[r] in the plain bytes of the file
	start  int64 // of the piece
	end    int64 // of the piece: rows that begin here or later are another's
	final  bool  // no bytes follow buf[w-1]
	synced bool  // buf[r] begins a row
	exact  bool  // buf is as long as what is wanted next: it is read whole at once
	kept   bool  // the last batch views buf
	keep   func()
	err    error // what every further call of Next returns
}

func openReader(ctx context.Context, config *Config, split plan.Split, opts graph.ReadOptions) (graph.BatchReader, error) {
	in, err := openInput(split, config.SuffixOnly)
	if err != nil {
		return nil, err
	}
	r, err := newReader(ctx, config, in, opts)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return r, nil
}

func newReader(ctx context.Context, config *Config, in *input, opts graph.ReadOptions) (*reader, error) {
	s := in.split
	r := &reader{
		config: config, in: in, synced: true,
		offset: s.Offset, start: s.Offset, end: s.Offset + s.Length,
		piece: Piece{Path: in.path, Offset: s.Offset, Split: s, Size: in.file.Size(), Compression: in.kind, File: in.file, Options: opts},
	}
	if err := r.checkRange(s); err != nil {
		return nil, err
	}
	switch {
	case in.whole:
		r.end = math.MaxInt64
	case in.skipped:
		r.end = r.start
	case config.Lines && s.Offset > 0 && s.Length > 0:
		// The byte before the piece tells whether a row begins with the piece.
		r.synced = false
		r.offset--
		in.next--
	}
	var err error
	if config.Begin != nil && in.kind == None && s.Offset > 0 && s.Length > 0 {
		if r.offset, err = config.Begin(ctx, r.piece); err != nil {
			return nil, err
		}
		in.next = r.offset
	}
	if r.dec, err = config.NewDecoder(r.piece); err != nil {
		return nil, err
	}
	r.keep = func() { r.kept = true }
	r.shorten()
	return r, nil
}

// checkRange refuses pieces that the format cannot read alone, and files of
// rows of one length that do not consist of them.
func (r *reader) checkRange(s plan.Split) error {
	size, row := r.piece.Size, r.config.RowBytes
	if s.Offset < 0 || s.Length < 0 || s.Length > size-s.Offset {
		return fault.New(fault.Internal, "%s: bytes %d to %d of a file of %d bytes", s.Path, s.Offset, s.Offset+s.Length, size)
	}
	if r.in.kind != None {
		return nil
	}
	if s.Length < size && !r.config.cuttable() {
		return fault.New(fault.Internal, "%s: bytes %d to %d of a file of %d bytes: a %s file is read whole", s.Path, s.Offset, s.Offset+s.Length, size, r.config.Format)
	}
	if row > 0 && size%row != 0 {
		return notWholeRows(s.Path, size, row)
	}
	if row > 0 && (s.Offset%row != 0 || s.Length%row != 0) {
		return fault.New(fault.Internal, "%s: bytes %d to %d do not consist of rows of %d bytes", s.Path, s.Offset, s.Offset+s.Length, row)
	}
	return nil
}

func notWholeRows(path string, size, row int64) error {
	return fault.New(fault.Invalid, "%s: %d bytes are no whole number of rows of %d bytes (%d rows and %d bytes): check the row length, and whether the file is complete", path, size, row, size/row, size%row)
}

// Next implements graph.BatchReader.
func (r *reader) Next() (arrow.Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	batch, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return batch, nil
}

func (r *reader) next() (arrow.Record, error) {
	for r.offset < r.end {
		if !r.synced {
			if err := r.sync(); err != nil {
				return nil, err
			}
			continue
		}
		if r.w > r.r {
			batch, taken, err := r.decode()
			if batch != nil || err != nil {
				return batch, err
			}
			if taken > 0 {
				continue
			}
		}
		if r.final {
			return nil, r.finish()
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
	return nil, r.finish()
}

// decode offers what is read to the decoder.
func (r *reader) decode() (arrow.Record, int, error) {
	data := r.buf[r.r:r.w]
	w := Window{
		Data: data, Offset: r.offset, Final: r.final,
		Limit: int(min(int64(len(data)), r.end-r.offset)),
	}
	if r.pooled == nil {
		w.Keep = r.keep
	}
	batch, taken, err := r.dec.Decode(w)
	if err != nil && r.piece.Options.Bad != nil {
		batch, taken, err = r.tolerate(w, err)
	}
	if err != nil {
		return nil, 0, err
	}
	if taken == 0 && int64(len(data)) >= r.piece.Options.MaxRowBytes+lineEndBytes {
		return nil, 0, r.piece.RowTooLong(r.offset)
	}
	r.drop(taken)
	if batch != nil && r.pooled == nil {
		r.replace()
	}
	return batch, taken, nil
}

// sync passes over the row that began before the piece. It is not this
// piece's, so it may be of any length and none of it is kept.
func (r *reader) sync() error {
	i := bytes.IndexByte(r.buf[r.r:r.w], '\n')
	if i >= 0 {
		r.drop(i + 1)
		r.synced = true
		return nil
	}
	r.drop(r.w - r.r)
	if r.final {
		r.offset = r.end
		return nil
	}
	return r.more()
}

func (r *reader) drop(n int) {
	r.r += n
	r.offset += int64(n)
}

// more reads on behind what is left, in a longer buffer if it is full.
func (r *reader) more() error {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == len(r.buf) {
		if err := r.grow(); err != nil {
			return err
		}
	}
	// Beyond the piece only the end of its last row is wanted; doubling what is
	// read keeps the search for the end of a very long one linear.
	want := int64(max(overhangBytes, r.w))
	if rest := r.end - r.offset - int64(r.w); rest > 0 {
		want = max(want, min(rest, maxWindowBytes-overhangBytes)+overhangBytes)
	}
	if r.exact {
		want, r.exact = maxWindowBytes, false
	}
	n, err := r.in.Read(r.buf[r.w:min(int64(len(r.buf)), int64(r.w)+want)])
	r.w += n
	switch {
	case err == io.EOF:
		r.final = true
	case err != nil:
		return err
	default:
		r.final = r.in.atEnd()
	}
	return nil
}

// finish ends the split: what was read must still be the version listed.
func (r *reader) finish() error {
	if r.w > r.r && r.synced && r.offset < r.end {
		return fault.New(fault.Internal, "%s, offset %d: the %s decoder left %d bytes at the end of the file", r.piece.Path, r.offset, r.config.Format, r.w-r.r)
	}
	if err := r.in.file.Check(); err != nil {
		return err
	}
	r.offset = max(r.offset, r.end)
	return io.EOF
}

// BytesRead implements graph.BatchReader.
func (r *reader) BytesRead() int64 {
	if r.in.unpack != nil {
		return r.in.unpack.used()
	}
	return min(max(r.offset, r.start), r.end) - r.start
}

// Where implements graph.BatchReader.
func (r *reader) Where(row int) string {
	p := r.dec.Place(row)
	where := fmt.Sprintf("%s, offset %d", r.piece.Path, p.Offset)
	if r.in.unpack != nil {
		where += " of the decompressed bytes"
	}
	if p.Line > 0 {
		where += fmt.Sprintf(", line %d", p.Line)
	}
	return where
}

// Locate implements graph.Locator.
func (r *reader) Locate(row int) graph.RowPlace {
	p := r.dec.Place(row)
	return graph.RowPlace{File: r.piece.Path, Offset: p.Offset, Line: p.Line}
}

// Close implements graph.BatchReader.
func (r *reader) Close() error {
	if r.buf == nil {
		return nil
	}
	r.release()
	r.buf, r.r, r.w = nil, 0, 0
	if r.err == nil {
		r.err = fault.New(fault.Internal, "%s: read after close", r.piece.Path)
	}
	var err error
	if c, ok := r.dec.(io.Closer); ok {
		err = c.Close()
	}
	return errors.Join(err, r.in.Close())
}
