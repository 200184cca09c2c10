package kept

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// Source returns the rows of a type that the files in a directory hold.
func Source(typ *column.Type, dir string) graph.Source { return source{typ, dir} }

type source struct {
	typ *column.Type
	dir string
}

// Name implements graph.Source.
func (s source) Name() string { return "kept " + s.dir }

// Schema implements graph.Source.
func (s source) Schema() *arrow.Schema { return s.typ.Schema() }

// Enumerate implements graph.Source. Each file is read by one task: it is what
// one task wrote.
func (s source) Enumerate(ctx context.Context) ([]plan.Split, error) {
	files, err := storage.ListDir(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	var splits []plan.Split
	for _, f := range files {
		if filepath.Ext(f.Path) == Suffix {
			splits = append(splits, plan.Split{Path: f.Path, Length: f.Size, Size: f.Size, ModNanos: f.ModNanos, Inode: f.Inode})
		}
	}
	return splits, nil
}

// Open implements graph.Source.
func (s source) Open(_ context.Context, split plan.Split, opts graph.ReadOptions) (graph.BatchReader, error) {
	f, err := storage.OpenPinned(split)
	if err != nil {
		return nil, err
	}
	r, err := newReader(s.typ, f, f.Size(), split.Path, opts)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.close = func() error { return errors.Join(f.Check(), f.Close()) }
	return r, nil
}

// reader reads one file.
type reader struct {
	typ   *column.Type
	path  string
	opts  graph.ReadOptions
	file  io.ReaderAt
	close func() error

	offset, end          int64 // of the next block, and of the foot
	wantRows, wantBlocks uint64
	rows, blocks         uint64
	decoder              *block.Decoder
	stored               []byte // scratch

	batch arrow.Record // what is left of the last block
	first uint64       // the number of the first row of the last batch in the file
	next  uint64
}

func newReader(typ *column.Type, file io.ReaderAt, size int64, path string, opts graph.ReadOptions) (*reader, error) {
	r := &reader{
		typ: typ, path: path, opts: opts.WithDefaults(), file: file, end: size - footBytes,
		close: func() error { return nil }, decoder: block.NewDecoder(),
	}
	if err := r.ends(size); err != nil {
		return nil, err
	}
	return r, nil
}

// ends reads what stands before and after the blocks.
func (r *reader) ends(size int64) error {
	if size < headBytes+footBytes {
		return r.bad(0, damaged("%d bytes are too few for a kept dataset", size))
	}
	head, err := r.read(0, headBytes)
	if err != nil {
		return err
	}
	n, err := typeBytes(head)
	if err != nil {
		return r.bad(0, err)
	}
	if r.offset = int64(headBytes + n); r.offset > r.end {
		return r.bad(0, damaged("a row type of %d bytes in a file of %d", n, size))
	}
	if head, err = r.read(0, r.offset); err != nil {
		return err
	}
	if want, got := binary.LittleEndian.Uint32(head[12:]), headSum(head); want != got {
		return r.bad(0, damaged("checksum of the head %08x, want %08x", got, want))
	}
	if got, want := string(head[headBytes:]), r.typ.String(); got != want {
		return r.bad(0, damaged("it keeps rows of type %s, and is read as %s", got, want))
	}
	foot, err := r.read(r.end, footBytes)
	if err != nil {
		return err
	}
	if r.wantRows, r.wantBlocks, err = readFoot(foot); err != nil {
		return r.bad(r.end, err)
	}
	return nil
}

// read returns n bytes of the file from offset on, valid until the next call.
func (r *reader) read(offset, n int64) ([]byte, error) {
	if int64(cap(r.stored)) < n {
		r.stored = make([]byte, n)
	}
	r.stored = r.stored[:n]
	if _, err := r.file.ReadAt(r.stored, offset); err != nil && err != io.EOF {
		return nil, err
	}
	return r.stored, nil
}

// Next implements graph.BatchReader.
func (r *reader) Next() (arrow.Record, error) {
	if r.batch == nil {
		if err := r.load(); err != nil {
			return nil, err
		}
	}
	batch := r.batch
	if limit := int64(r.opts.BatchRows); batch.NumRows() > limit {
		r.batch = batch.NewSlice(limit, batch.NumRows())
		batch = batch.NewSlice(0, limit)
	} else {
		r.batch = nil
	}
	r.first, r.next = r.next, r.next+uint64(batch.NumRows())
	return batch, nil
}

// load decodes the next block.
func (r *reader) load() error {
	if r.offset == r.end {
		if r.rows != r.wantRows || r.blocks != r.wantBlocks {
			return r.bad(r.end, damaged("%d rows in %d blocks stand before an end that says %d in %d", r.rows, r.blocks, r.wantRows, r.wantBlocks))
		}
		return io.EOF
	}
	if r.end-r.offset < block.HeaderBytes {
		return r.bad(r.offset, damaged("%d bytes are too few for a block", r.end-r.offset))
	}
	head, err := r.read(r.offset, block.HeaderBytes)
	if err != nil {
		return err
	}
	h, err := block.ReadHeader(head)
	if err != nil {
		return r.bad(r.offset, err)
	}
	size := int64(h.BlockBytes())
	if size > r.end-r.offset {
		return r.bad(r.offset, damaged("a block of %d bytes where %d are left", size, r.end-r.offset))
	}
	if r.opts.Room != nil {
		if err := r.opts.Room(int64(h.RawBytes)); err != nil {
			return err
		}
	}
	stored, err := r.read(r.offset, size)
	if err != nil {
		return err
	}
	raw, h, err := r.decoder.Decode(nil, stored)
	if err != nil {
		return r.bad(r.offset, err)
	}
	if r.batch, err = column.DecodeFrame(r.typ, raw, int(h.Rows)); err != nil {
		return r.bad(r.offset, err)
	}
	if cap(r.stored) > 4*block.MaxRawBytes {
		r.stored = nil // one huge row must not hold its memory
	}
	r.offset += size
	r.rows += uint64(h.Rows)
	r.blocks++
	return nil
}

// bad names the place of damage. Whatever its kind was, the job fails.
func (r *reader) bad(offset int64, err error) error {
	return &fault.Error{Kind: fault.Invalid, Detail: fault.Detail(err), Err: fmt.Errorf("%s, offset %d: %w", r.path, offset, err)}
}

// BytesRead implements graph.BatchReader.
func (r *reader) BytesRead() int64 { return r.offset }

// Where implements graph.BatchReader.
func (r *reader) Where(row int) string { return fmt.Sprintf("%s, row %d", r.path, r.first+uint64(row)) }

// Close implements graph.BatchReader.
func (r *reader) Close() error { return r.close() }
