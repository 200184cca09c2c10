package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// leastProgress is what an attempt must bring to be no failure: a connection
// that breaks after a byte each time must not be resumed for ever.
const leastProgress = 64 << 10

// fetch reads len(dst) bytes of an output from an offset on. A broken connection
// is resumed at the byte that was reached.
func (c *Client) fetch(ctx context.Context, out plan.MapOutput, from int64, dst []byte) error {
	failures := 0
	for got := 0; ; {
		n, f := c.fetchOnce(ctx, out, from+int64(got), dst[got:])
		got += n
		if f == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("fetch map output %v: %w", out.ID, err)
		}
		if n >= leastProgress {
			failures = 0
		}
		failures++
		if !f.again {
			return fetchFailed(out, &f.Error)
		}
		if failures >= c.options.Attempts {
			f.Err = fmt.Errorf("%d attempts in a row, the last: %w", failures, f.Err)
			return fetchFailed(out, &f.Error)
		}
		if err := c.pause(ctx, failures, f.after); err != nil {
			return fmt.Errorf("fetch map output %v: %w", out.ID, err)
		}
	}
}

// pause waits before another attempt. Chance keeps readers apart that failed
// together.
func (c *Client) pause(ctx context.Context, failures int, after time.Duration) error {
	d := min(c.options.Backoff<<min(failures-1, 16), maxBackoff)
	chance := time.Duration(rand.Int64N(int64(d)/2 + 1))
	timer := time.NewTimer(max(d-d/4, after) + chance)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetchOnce reads by one request, and returns how much it got.
func (c *Client) fetchOnce(ctx context.Context, out plan.MapOutput, from int64, dst []byte) (int, *failure) {
	if err := c.acquire(ctx); err != nil {
		return 0, &failure{Error: Error{out.Executor, Unreachable, err}}
	}
	defer c.release()
	end := from + int64(len(dst))
	path := string(appendPath(nil, out.ID)) + "?" + digestQuery + out.Digest
	x, f := c.send(ctx, out.Executor, out.ID.Attempt.Job, http.MethodGet, path, nil, int64(len(dst)), func(h http.Header) {
		h.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(end-1, 10))
	})
	if f != nil {
		return 0, f
	}
	defer x.close()
	if x.answer.StatusCode != http.StatusPartialContent {
		return 0, x.refusal()
	}
	if f := x.checkRange(out, from, end); f != nil {
		return 0, f
	}
	n, err := io.ReadFull(x, dst)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	err = fmt.Errorf("its answer ends after %d of %d bytes: %w", n, len(dst), err)
	return n, &failure{Error: Error{out.Executor, Unreachable, err}, again: true}
}
