package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/sheafdata/sheaf/internal/plan"
)

// wanted is a piece with the memory that it goes to.
type wanted struct {
	piece
	entry *entry
	into  []byte // as long as the piece
	got   bool
}

// fetchPieces asks an executor for pieces of a job's outputs by one request. What
// cannot be had is left: who needs it fetches it alone, which tells why.
func (c *Client) fetchPieces(ctx context.Context, executor plan.ExecutorID, job plan.JobID, list []*wanted) error {
	if err := c.acquire(ctx); err != nil {
		return err
	}
	defer c.release()
	var body []byte
	var size int64
	for _, w := range list {
		body = w.appendLine(body)
		size += int64(len(w.into))
	}
	x, f := c.send(ctx, executor, job, http.MethodPost, root+job.String(), body, size, func(h http.Header) {
		h.Set("Content-Type", "text/plain")
	})
	if f != nil {
		return &f.Error
	}
	defer x.close()
	if x.answer.StatusCode != http.StatusOK {
		return &x.refusal().Error
	}
	for _, w := range list {
		if err := w.read(x); err != nil {
			return &Error{executor, Garbled, err}
		}
	}
	if _, err := io.ReadFull(x, make([]byte, 1)); err != io.EOF {
		return &Error{executor, Garbled, fmt.Errorf("it sends more than was asked for")}
	}
	return nil
}

// read reads the frame of a piece.
func (w *wanted) read(r io.Reader) error {
	var header [frameBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return err
	}
	status, length, ok := parseFrame(header)
	switch {
	case !ok:
		return fmt.Errorf("no frame begins with %q", header[:4])
	case status == http.StatusOK && length == uint64(len(w.into)):
		_, err := io.ReadFull(r, w.into)
		w.got = err == nil
		return err
	case status != http.StatusOK && length <= maxErrorBytes:
		_, err := io.CopyN(io.Discard, r, int64(length))
		return err
	}
	return fmt.Errorf("a frame of status %s holds %d bytes, asked for were %d", strconv.Itoa(int(status)), length, len(w.into))
}
