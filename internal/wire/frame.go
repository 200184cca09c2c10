package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// headerBytes is the length before each frame, big-endian.
	headerBytes = 4
	// keepBytes is what a Reader or a Writer keeps of its buffer for the next
	// frame: most frames are small, and a large one is rare.
	keepBytes = 1 << 20
	// stepBytes is how much of a frame is awaited at first. A header costs its
	// writer nothing, so that memory follows what has arrived.
	stepBytes = 64 << 10
)

// Reader reads the messages of a worker protocol. It is used by one goroutine at
// a time.
type Reader struct {
	r      io.Reader
	header [headerBytes]byte
	buf    []byte
}

// NewReader returns a Reader of messages. It reads no further than the message
// that it returns, so that r needs a buffer of its own where reads are dear.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Read waits for the next message. It returns io.EOF when the stream ends
// between two messages, and io.ErrUnexpectedEOF when it ends inside one. A frame
// that is too long or does not pass the checks is an error of kind Invalid;
// after it the stream is of no use.
func (r *Reader) Read() (Message, error) {
	data, err := r.frame()
	if err != nil {
		return nil, err
	}
	return parseFrame(data)
}

// frame reads the next frame, which stays valid until the next call.
func (r *Reader) frame() ([]byte, error) {
	if _, err := io.ReadFull(r.r, r.header[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(r.header[:])
	if n > MaxFrameBytes {
		return nil, fault.New(fault.Invalid, "frame of %d bytes, at most %d", n, MaxFrameBytes)
	}
	return r.payload(int(n))
}

// payload reads n bytes, which stay valid until the next call.
func (r *Reader) payload(n int) ([]byte, error) {
	if cap(r.buf) > keepBytes {
		r.buf = nil
	}
	data := r.buf[:0]
	for len(data) < n {
		begin, end := len(data), min(n, max(cap(data), 2*len(data), stepBytes))
		if end > cap(data) {
			grown := make([]byte, end)
			copy(grown, data)
			data = grown
		}
		data = data[:end]
		if _, err := io.ReadFull(r.r, data[begin:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("frame of %d bytes: %w", n, err)
		}
	}
	r.buf = data
	return data, nil
}

// parseFrame parses and checks the content of a frame.
func parseFrame(data []byte) (Message, error) {
	var f pb.WorkerFrame
	if err := Unmarshal(data, &f); err != nil {
		return nil, err
	}
	var c checker
	m := readMessage(&c, &f)
	if c.err != nil {
		return nil, c.err
	}
	return m, nil
}

// Writer writes the messages of a worker protocol. It is safe for concurrent
// use: messages come out whole, in some order.
type Writer struct {
	mu  sync.Mutex // guards what follows
	w   io.Writer
	buf []byte
	err error
}

// NewWriter returns a Writer of messages; each is one Write to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes a message. One that the other side would refuse for its size or
// its text is an error of kind Invalid and leaves the stream as it was, so that
// the caller can say something else. After an error of w all further writes
// return that error, since a part of a frame may have gone out.
func (w *Writer) Write(m Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if cap(w.buf) > keepBytes {
		w.buf = nil
	}
	frame, err := appendFrame(w.buf[:0], m)
	if err != nil {
		return err
	}
	w.buf = frame
	if _, err := w.w.Write(frame); err != nil {
		w.err = fmt.Errorf("write a frame of %d bytes: %w", len(frame), err)
	}
	return w.err
}

// appendFrame appends a message with its length to dst.
func appendFrame(dst []byte, m Message) ([]byte, error) {
	begin := len(dst)
	dst, err := appendMessage(append(dst, make([]byte, headerBytes)...), m.frame())
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[begin:], uint32(len(dst)-begin-headerBytes))
	return dst, nil
}
