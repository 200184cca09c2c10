package shuffle

import (
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// segmentReader gives the blocks of a range of a file one after another,
// reading several small ones at once.
type segmentReader struct {
	src io.ReaderAt
	at  int64 // offset of what follows buf
	end int64
	all []byte // the buffer
	buf []byte // what is read and not yet given
}

// readAhead is the size of a read: large enough that the call does not count,
// small enough for a merge of hundreds of inputs.
const readAhead = 64 << 10

func newSegmentReader(src io.ReaderAt, from, end int64) *segmentReader {
	expect(src, from, end)
	return &segmentReader{src: src, at: from, end: end}
}

// header returns the header of the next block; io.EOF at the end.
func (r *segmentReader) header() (block.Header, error) {
	if len(r.buf) == 0 && r.at == r.end {
		return block.Header{}, io.EOF
	}
	if err := r.need(block.HeaderBytes); err != nil {
		return block.Header{}, err
	}
	return block.ReadHeader(r.buf)
}

// offset is where the next block begins.
func (r *segmentReader) offset() int64 { return r.at - int64(len(r.buf)) }

// take fills p, from the beginning of the next block on, and passes over it.
func (r *segmentReader) take(p []byte) error {
	at := r.offset()
	if err := r.skip(int64(len(p))); err != nil {
		return err
	}
	if n, err := r.src.ReadAt(p, at); n < len(p) {
		if err == nil || err == io.EOF {
			err = fault.New(fault.Corrupt, "file ends at offset %d, in the middle of a block", at+int64(n))
		}
		return err
	}
	return nil
}

// skip passes over n bytes.
func (r *segmentReader) skip(n int64) error {
	if n <= int64(len(r.buf)) {
		r.buf = r.buf[n:]
		return nil
	}
	if n -= int64(len(r.buf)); n > r.end-r.at {
		return fault.New(fault.Corrupt, "a block at offset %d reaches beyond its segment, which ends at %d", r.offset(), r.end)
	}
	r.at += n
	r.buf = nil
	return nil
}

// block returns the next whole block, valid until the next call; io.EOF at the end.
func (r *segmentReader) block() ([]byte, error) {
	h, err := r.header()
	if err != nil {
		return nil, err
	}
	size := block.HeaderBytes + int(h.StoredBytes)
	if err := r.need(size); err != nil {
		return nil, err
	}
	b := r.buf[:size]
	r.buf = r.buf[size:]
	return b, nil
}

// need makes buf hold at least n bytes.
func (r *segmentReader) need(n int) error {
	if len(r.buf) >= n {
		return nil
	}
	if int64(n-len(r.buf)) > r.end-r.at {
		return fault.New(fault.Corrupt, "a block of %d bytes at offset %d reaches beyond its segment, which ends at %d", n, r.at-int64(len(r.buf)), r.end)
	}
	want := int(min(int64(max(n, readAhead)), r.end-r.at+int64(len(r.buf))))
	if cap(r.all) < want {
		r.all = append(make([]byte, 0, want), r.buf...)
	} else {
		r.all = r.all[:copy(r.all[:cap(r.all)], r.buf)]
	}
	have := len(r.all)
	r.all = r.all[:want]
	read, err := r.src.ReadAt(r.all[have:], r.at)
	if read < want-have {
		if err == nil || err == io.EOF {
			err = fault.New(fault.Corrupt, "file ends at offset %d, in the middle of a segment that ends at %d", r.at+int64(read), r.end)
		}
		return err
	}
	r.at += int64(read)
	r.buf = r.all
	return nil
}
