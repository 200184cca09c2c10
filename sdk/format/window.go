package format

import (
	"bytes"
	"io"
	"sync"
)

const (
	// windowBytes is the usual size of a window: large enough that the cost of
	// a read call vanishes, small enough to stay in the second-level cache from
	// the read to the decoder.
	windowBytes = 256 << 10
	// seekBytes is the length from which a window does not double, but is made
	// to end with the next line: the file is read twice for that, and no row is
	// held twice while its window grows, nor room for one twice as long.
	seekBytes = 1 << 20
	// dropBytes is the length from which a window is not kept for the next rows.
	dropBytes = 2 << 20
)

// windows holds buffers of windowBytes. They never escape to user code.
var windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}

// grow makes room for a row that is longer than the buffer. A buffer that
// holds the longest row allowed is never full here: decode has refused it.
func (r *reader) grow() error {
	limit := max(r.piece.Options.MaxRowBytes+lineEndBytes, windowBytes)
	size := min(2*int64(len(r.buf)), limit)
	if len(r.buf) >= seekBytes {
		wanted, err := r.wanted(limit)
		if err != nil {
			return err
		}
		if wanted >= size {
			size, r.exact = wanted, true
		}
	}
	if room := r.piece.Options.Room; room != nil {
		if err := room(size); err != nil {
			return err
		}
	}
	buf := make([]byte, size)
	copy(buf, r.buf[:r.w])
	r.release()
	r.buf = buf
	return nil
}

// wanted returns how long a window must be to hold the row at hand: exactly
// where rows have one length, up to the next line end elsewhere, since no row
// ends before it. It is limit at most, and 0 where that cannot be known.
func (r *reader) wanted(limit int64) (int64, error) {
	if r.config.RowBytes > 0 {
		return min(r.config.RowBytes, limit), nil
	}
	if r.in.unpack != nil {
		return 0, nil
	}
	scratch := windows.Get().(*[windowBytes]byte)
	defer windows.Put(scratch)
	size := int64(r.w)
	for at := r.in.next; size < limit; {
		n, err := r.in.file.ReadAt(scratch[:], at)
		if i := bytes.IndexByte(scratch[:n], '\n'); i >= 0 {
			return min(size+int64(i)+1, limit), nil
		}
		size += int64(n)
		at += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return min(size, limit), nil
}

// replace gets another buffer for what is left in one that a batch views, or
// that is too long to be kept beside the row that was decoded from it.
func (r *reader) replace() {
	rest := r.buf[r.r:r.w]
	switch {
	case len(rest) <= windowBytes && (r.kept || len(r.buf) >= dropBytes):
		r.shorten()
	case r.kept:
		r.buf = make([]byte, len(r.buf))
	default:
		return
	}
	r.kept = false
	r.r, r.w = 0, copy(r.buf, rest)
}

// shorten makes the buffer one of the usual size.
func (r *reader) shorten() {
	r.pooled = windows.Get().(*[windowBytes]byte)
	r.buf = r.pooled[:]
}

// release gives the pooled buffer back.
func (r *reader) release() {
	if r.pooled != nil {
		windows.Put(r.pooled)
		r.pooled = nil
	}
}
