package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// slowest is the rate below which an answer is given up, though it never
	// stalls: with it a request ends in bounded time whoever answers.
	slowest       = 64 << 10 // bytes a second
	maxErrorBytes = 4 << 10
	maxRetryAfter = 30 * time.Second
)

var errStalled = errors.New("nothing came in time")

// failure is one request that failed.
type failure struct {
	Error
	again bool          // another attempt may do better
	after time.Duration // not before
}

// exchange is one request under way and its answer.
type exchange struct {
	client   *Client
	executor plan.ExecutorID
	ctx      context.Context
	cancel   context.CancelCauseFunc
	stalled  *time.Timer
	stop     context.CancelFunc // ends the bound of the whole
	answer   *http.Response
}

// send sends a request of which the answer's body holds about size bytes. The
// caller holds a slot, reads by exchange.Read and calls close.
func (c *Client) send(ctx context.Context, executor plan.ExecutorID, job plan.JobID, method, path string, body []byte, size int64, edit func(http.Header)) (*exchange, *failure) {
	fail := func(reason Reason, again bool, err error) (*exchange, *failure) {
		return nil, &failure{Error: Error{executor, reason, err}, again: again}
	}
	base, err := c.address(executor)
	if err != nil {
		return fail(Unreachable, true, fmt.Errorf("look up its address: %w", err))
	}
	x := &exchange{client: c, executor: executor}
	ctx, x.stop = context.WithTimeoutCause(ctx, 2*c.options.Timeout+time.Duration(size)*time.Second/slowest, errStalled)
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.stalled = time.AfterFunc(c.options.Timeout, func() { x.cancel(errStalled) })
	request, err := http.NewRequestWithContext(x.ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		x.close()
		return fail(Unreachable, false, fmt.Errorf("its address: %w", err))
	}
	edit(request.Header)
	if c.options.Sign != nil {
		c.options.Sign(request, job)
	}
	// The transport alone: neither redirects nor cookies.
	x.answer, err = c.transport.RoundTrip(request)
	if err != nil {
		err = x.cause(err)
		x.close()
		return fail(Unreachable, true, err)
	}
	x.stalled.Reset(c.options.Timeout)
	return x, nil
}

// Read reads the answer's body. Each read that brings something gives the other
// side time for the next.
func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.answer.Body.Read(p)
	if n > 0 {
		x.stalled.Reset(x.client.options.Timeout)
	}
	if err != nil && err != io.EOF {
		err = x.cause(err)
	}
	return n, err
}

// cause is what ended the request: the wait rather than the error that closing
// the connection made of it.
func (x *exchange) cause(err error) error {
	if errors.Is(context.Cause(x.ctx), errStalled) {
		return errStalled
	}
	return err
}

func (x *exchange) close() {
	x.stalled.Stop()
	if x.answer != nil {
		x.answer.Body.Close()
	}
	x.cancel(nil)
	x.stop()
}

// refusal turns an answer that is an error into a failure.
func (x *exchange) refusal() *failure {
	body, _ := io.ReadAll(io.LimitReader(x, maxErrorBytes))
	f := refused(x.answer.StatusCode, body)
	f.Executor = x.executor
	if seconds, ok := parseNumber(x.answer.Header.Get("Retry-After")); ok {
		f.after = min(time.Duration(min(seconds, 3600))*time.Second, maxRetryAfter)
	}
	return f
}

// refused is the failure that a status and the body of an error stand for.
func refused(status int, body []byte) *failure {
	f := &failure{Error: Error{Reason: Garbled, Err: fmt.Errorf("status %d", status)}}
	var r fault.Report
	if json.Unmarshal(body, &r) == nil && r.Message != "" {
		f.Err = fmt.Errorf("status %d: %q", status, r.Message)
	}
	switch status {
	case http.StatusNotFound:
		f.Reason = Missing
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		f.Reason = Refused
	case http.StatusRequestedRangeNotSatisfiable:
		f.Reason = Truncated
	case http.StatusServiceUnavailable:
		f.Reason, f.again = Busy, true
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		f.Reason, f.again = Unreachable, true
		if r.Kind == fault.Corrupt {
			f.Reason, f.again = Damaged, false
		}
	}
	return f
}

// checkRange compares the answer to a request for [from, end) with what was
// asked: nothing is read from one that promises anything else.
func (x *exchange) checkRange(out plan.MapOutput, from, end int64) *failure {
	get, want := x.answer.Header.Get, contentRange(from, end, out.Bytes)
	fail := func(format string, args ...any) *failure {
		return &failure{Error: Error{x.executor, Garbled, fmt.Errorf(format, args...)}}
	}
	_, size, _ := strings.Cut(get("Content-Range"), "/")
	switch has, ok := parseNumber(size); {
	case ok && has != out.Bytes:
		f := fail("its output has %d bytes, there were %d", has, out.Bytes)
		f.Reason = Truncated
		return f
	case get("Content-Range") != want:
		return fail("it sends the range %.60q, asked for was %q", get("Content-Range"), want)
	case x.answer.ContentLength != end-from:
		return fail("it sends %d bytes, asked for were %d", x.answer.ContentLength, end-from)
	case get("ETag") != strconv.Quote(out.Digest):
		return fail("it sends the digest %.60q, asked for was %q", get("ETag"), out.Digest)
	case get("Content-Encoding") != "":
		return fail("it sends the encoding %.60q, asked for was none", get("Content-Encoding"))
	}
	return nil
}
