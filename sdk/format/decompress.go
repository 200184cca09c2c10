package format

import (
	"bufio"
	"errors"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// compressedBuffer is how much of a compressed file is read at once.
	compressedBuffer = 128 << 10
	// maxZstdWindow is the longest window that is accepted: what the zstd
	// program accepts by default and what its --ultra and --long use. A
	// damaged or hostile header cannot ask for more memory than that.
	maxZstdWindow = 128 << 20
)

// decompressor reads the plain bytes of a compressed file.
type decompressor struct {
	path   string
	kind   Compression
	stored *storedReader
	buffer *bufio.Reader // between stored and the library
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
	plain  int64 // bytes given so far
	err    error // what ended the stream
}

func newDecompressor(f file, path string, kind Compression) (*decompressor, error) {
	d := &decompressor{path: path, kind: kind, stored: &storedReader{file: f}}
	d.buffer = bufio.NewReaderSize(d.stored, int(min(f.Size(), compressedBuffer)))
	var err error
	if kind == Gzip {
		d.gzip, err = gzip.NewReader(d.buffer)
		if err != nil {
			return nil, d.damaged(err)
		}
		d.gzip.Multistream(false)
		return d, nil
	}
	d.zstd, err = zstd.NewReader(d.buffer, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(math.MaxInt64))
	if err != nil {
		return nil, d.damaged(err)
	}
	return d, nil
}

// Read reads plain bytes and fills p as far as the stream goes.
func (d *decompressor) Read(p []byte) (int, error) {
	total := 0
	for total < len(p) && d.err == nil {
		var n int
		n, d.err = d.read(p[total:])
		total += n
		d.plain += int64(n)
	}
	if total > 0 || d.err == nil {
		return total, nil
	}
	if d.err == io.EOF {
		return 0, io.EOF
	}
	return 0, d.damaged(d.err)
}

func (d *decompressor) read(p []byte) (int, error) {
	if d.zstd != nil {
		return d.zstd.Read(p)
	}
	n, err := d.gzip.Read(p)
	if err == io.EOF {
		err = d.nextMember()
	}
	return n, err
}

// nextMember goes on to the next gzip member. Members are taken one by one,
// because the library's own loop takes a file that breaks off within the header
// of a later member for a whole one.
func (d *decompressor) nextMember() error {
	if _, err := d.buffer.Peek(1); err != nil {
		return err // io.EOF here is the end of the file
	}
	err := d.gzip.Reset(d.buffer)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	d.gzip.Multistream(false)
	return err
}

// used is how many stored bytes have been used so far.
func (d *decompressor) used() int64 { return d.stored.next - int64(d.buffer.Buffered()) }

// damaged describes an error of the stream, unless it is one of reading the file.
func (d *decompressor) damaged(err error) error {
	if d.stored.err != nil {
		return d.stored.err
	}
	reason := "is damaged"
	advice := "copy or write it again"
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		reason = "ends too early"
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		reason = "asks for a window of more than 128 MiB or is damaged"
		advice = "compress it with --long=27 or less"
	}
	return fault.New(fault.Invalid, "%s: the %v file %s (at compressed offset %d, decompressed offset %d): %s: %w",
		d.path, d.kind, reason, d.used(), d.plain, advice, err)
}

// close frees the decoder's buffers.
func (d *decompressor) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}

// storedReader reads a file in order. It keeps an error of reading, which the
// decompression libraries do not always pass on as it is.
type storedReader struct {
	file file
	next int64
	err  error
}

// Read implements io.Reader.
func (s *storedReader) Read(p []byte) (int, error) {
	n, err := s.file.ReadAt(p, s.next)
	s.next += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
