package transfer

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

const (
	defaultServed    = 128
	defaultJobServed = 64
	// retryAfter is what a client is told that finds no room, in seconds.
	retryAfter = "1"
	// writeTimeout is how long writeBytes may take: a client that takes less than
	// some hundred kilobytes a second holds a file that others wait for.
	writeTimeout = 30 * time.Second
	writeBytes   = 4 << 20
	copyBytes    = 256 << 10
	maxMessage   = 1 << 10
)

// HandlerOptions are the limits of a handler. The zero value works.
type HandlerOptions struct {
	// Requests is how many requests are served at once, each with at most one
	// open file; 0 means 128.
	Requests int
	// JobRequests is how many of them may be for one job; 0 means 64.
	JobRequests int
}

// handler serves the map outputs of a store.
type handler struct {
	outputs   Outputs
	authorize func(*http.Request, plan.JobID) error
	gate      gate
}

// NewHandler returns a handler that serves ranges of map outputs, as
// docs/format/transfer.md describes. It asks authorize about every request
// before it looks at anything else; an error of it refuses the request and is
// shown to the client. Without an authorize everything is refused.
func NewHandler(outputs Outputs, authorize func(*http.Request, plan.JobID) error, o HandlerOptions) http.Handler {
	if o.Requests == 0 {
		o.Requests = defaultServed
	}
	if o.JobRequests == 0 {
		o.JobRequests = defaultJobServed
	}
	return &handler{
		outputs: outputs, authorize: authorize,
		gate: gate{limit: o.Requests, jobLimit: o.JobRequests, jobs: make(map[plan.JobID]int)},
	}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	extend(w)
	status, err := h.serve(w, r)
	if err == nil {
		return
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	body := report(err)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// serve answers a request, or returns an error before anything is written.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) (int, error) {
	// An id needs no escape, so a path with one is none of ours.
	if r.URL.RawPath != "" {
		return http.StatusBadRequest, invalid("the path holds escapes")
	}
	id, whole, err := parsePath(r.URL.Path)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if err := h.allow(r, id.Attempt.Job); err != nil {
		return http.StatusForbidden, err
	}
	if ok := whole && (r.Method == http.MethodGet || r.Method == http.MethodHead) || !whole && r.Method == http.MethodPost; !ok {
		return http.StatusMethodNotAllowed, invalid("outputs are read by GET, pieces of a job's outputs by POST to the job")
	}
	if !h.gate.enter(id.Attempt.Job) {
		return http.StatusServiceUnavailable, fault.New(fault.Transient, "too many requests at once: ask again later")
	}
	defer h.gate.leave(id.Attempt.Job)
	if whole {
		return h.serveOutput(w, r, id)
	}
	return h.servePieces(w, r, id.Attempt.Job)
}

func (h *handler) allow(r *http.Request, job plan.JobID) error {
	if h.authorize == nil {
		return invalid("nobody is authorised here")
	}
	return fault.Wrap(fault.Invalid, h.authorize(r, job))
}

// serveOutput answers with a range of one output.
func (h *handler) serveOutput(w http.ResponseWriter, r *http.Request, id plan.OutputID) (int, error) {
	digest, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return http.StatusBadRequest, err
	}
	out, err := h.outputs.Open(r.Context(), plan.MapOutput{ID: id, Digest: digest})
	if err != nil {
		return statusOf(err), err
	}
	defer out.Close()
	header := r.Header.Get("Range")
	from, end, err := parseRange(header, out.Size())
	if errors.Is(err, errBeyond) {
		w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(out.Size(), 10))
		return http.StatusRequestedRangeNotSatisfiable, fault.New(fault.Fetch, "range %q of map output %v, which has %d bytes: %w", header, id, out.Size(), err)
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	set := w.Header().Set
	set("Accept-Ranges", "bytes")
	set("Content-Type", "application/octet-stream")
	set("Content-Length", strconv.FormatInt(end-from, 10))
	if digest != "" {
		set("ETag", `"`+digest+`"`)
	}
	status := http.StatusOK
	if header != "" {
		set("Content-Range", contentRange(from, end, out.Size()))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return status, nil
	}
	if err := send(w, out, from, end); err != nil {
		// The status is out: only the end of the connection says that this is
		// not all.
		panic(http.ErrAbortHandler)
	}
	return status, nil
}

// send writes [from, end) of an output, which must have as many bytes.
func send(w http.ResponseWriter, out store.Output, from, end int64) error {
	var src io.Reader = io.NewSectionReader(out, from, end-from)
	if shown, ok := out.(interface{ File() *os.File }); ok && shown.File() != nil {
		// The kernel copies a file, opened for this request alone, by itself.
		if _, err := shown.File().Seek(from, io.SeekStart); err != nil {
			return err
		}
		src = shown.File()
	}
	for from < end {
		extend(w)
		n, err := io.CopyN(w, src, min(end-from, writeBytes))
		if err != nil {
			return err
		}
		from += n
	}
	return nil
}

// servePieces answers with frames, as many as pieces were asked for. Only one
// output is open at a time.
func (h *handler) servePieces(w http.ResponseWriter, r *http.Request, job plan.JobID) (int, error) {
	if r.URL.RawQuery != "" {
		return http.StatusBadRequest, invalid("there is no query for pieces")
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(headerTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPieces*maxLineBytes))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		return http.StatusBadRequest, invalid("read the list of pieces: %w", err)
	}
	pieces, err := parsePieces(job, body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	f := framer{w: w, buf: (*buffer)[:0]}
	for _, p := range pieces {
		if err := h.servePiece(r, &f, p); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if err := f.flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
	return http.StatusOK, nil
}

// servePiece writes the frame of one piece. An error means that the answer
// cannot go on.
func (h *handler) servePiece(r *http.Request, f *framer, p piece) error {
	out, err := h.outputs.Open(r.Context(), plan.MapOutput{ID: p.id, Digest: p.digest})
	status := statusOf(err)
	if err == nil {
		defer out.Close()
		if p.end > out.Size() {
			err = fault.New(fault.Fetch, "range [%d, %d) of map output %v, which has %d bytes: %w", p.from, p.end, p.id, out.Size(), errBeyond)
			status = http.StatusRequestedRangeNotSatisfiable
		}
	}
	if err != nil {
		return f.fail(status, err)
	}
	return f.copy(out, p)
}

// framer gathers frames into large writes: small pieces by sendfile would cost
// a system call or two each, more than to copy them.
type framer struct {
	w   http.ResponseWriter
	buf []byte // its capacity is copyBytes
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, copyBytes); return &b }}

// room makes room for n more bytes, at most copyBytes.
func (f *framer) room(n int) error {
	if len(f.buf)+n > cap(f.buf) {
		return f.flush()
	}
	return nil
}

func (f *framer) flush() error {
	extend(f.w)
	_, err := f.w.Write(f.buf)
	f.buf = f.buf[:0]
	return err
}

// begin writes the header of a frame.
func (f *framer) begin(status int, length int64) error {
	if err := f.room(frameBytes); err != nil {
		return err
	}
	f.buf = appendFrame(f.buf, status, length)
	return nil
}

// fail writes a frame that holds an error.
func (f *framer) fail(status int, err error) error {
	body := report(err)
	if err := f.begin(status, int64(len(body))); err != nil {
		return err
	}
	if err := f.room(len(body)); err != nil {
		return err
	}
	f.buf = append(f.buf, body...)
	return nil
}

// copy writes a frame that holds a piece of an output, which is long enough.
func (f *framer) copy(out store.Output, p piece) error {
	if err := f.begin(http.StatusOK, p.end-p.from); err != nil {
		return err
	}
	for at := p.from; at < p.end; {
		if err := f.room(1); err != nil {
			return err
		}
		n := int(min(p.end-at, int64(cap(f.buf)-len(f.buf))))
		into := f.buf[len(f.buf) : len(f.buf)+n]
		if read, err := out.ReadAt(into, at); read < n {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		f.buf = f.buf[:len(f.buf)+n]
		at += int64(n)
	}
	return nil
}

// extend gives the client time for the next step.
func extend(w http.ResponseWriter) {
	// Only writers that are no connections know no deadlines.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// statusOf is the status of an error of opening an output.
func statusOf(err error) int {
	switch fault.KindOf(err) {
	case fault.Fetch:
		return http.StatusNotFound
	case fault.Resource, fault.Canceled:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// report is the body of an error.
func report(err error) []byte {
	r := fault.Report{Kind: fault.KindOf(err), Message: err.Error()}
	if len(r.Message) > maxMessage {
		r.Message = r.Message[:maxMessage]
	}
	body, err := json.Marshal(r)
	if err != nil { // only a kind that does not exist
		return []byte(`{"kind":"internal","message":"an error of no kind"}`)
	}
	return append(body, '\n')
}
