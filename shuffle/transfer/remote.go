package transfer

import (
	"context"
	"io"
	"math/bits"
	"sync"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Sizes of what is read ahead. A request for 64 KiB costs more than its bytes,
// from 256 KiB on little is gained (BenchmarkRanges); two windows of 2 MiB keep
// a fast network busy while one is in use.
const (
	maxWindow = 2 << 20
	minWindow = 64 << 10
)

// remote is a map output on another machine. Its reader says by Expect what it
// will read in order; that is fetched in windows, one ahead of the one in use.
// Whatever else is read is fetched as it is asked for.
type remote struct {
	client *Client
	out    plan.MapOutput
	// ctx ends with Open's or with Close: ReadAt has none of its own.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex // guards what follows: one ReadAt at a time
	from, end int64      // what is expected
	now, next *window
	ahead     bool // counted in client.open
}

// window is a range that was or is being fetched.
type window struct {
	from   int64
	bytes  []byte
	held   *memory.Reservation
	err    error
	loaded chan struct{} // closed when bytes or err are there
}

func newRemote(ctx context.Context, c *Client, out plan.MapOutput) *remote {
	r := &remote{client: c, out: out}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// Size returns the output's length.
func (r *remote) Size() int64 { return r.out.Bytes }

// Expect says that [from, end) will be read in order, so that it pays to read
// ahead within it, and not beyond.
func (r *remote) Expect(from, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.end = max(from, 0), min(end, r.out.Bytes)
	if !r.ahead {
		r.ahead = true
		r.client.open.Add(1)
	}
}

// ReadAt reads as io.ReaderAt demands.
func (r *remote) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fault.New(fault.Internal, "read map output %v at offset %d", r.out.ID, at)
	}
	whole := len(p)
	p = p[:min(int64(whole), max(r.out.Bytes-at, 0))]
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(p) {
		got, err := r.read(p[n:], at+int64(n))
		n += got
		if err != nil {
			return n, err
		}
	}
	if n < whole {
		return n, io.EOF
	}
	return n, nil
}

// read reads something of p.
func (r *remote) read(p []byte, at int64) (int, error) {
	if at >= r.from && at < r.end && !r.now.holds(at) {
		if err := r.advance(at, len(p)); err != nil {
			return 0, err
		}
	}
	if r.now.holds(at) {
		return copy(p, r.now.bytes[at-r.now.from:]), nil
	}
	if err := r.client.fetch(r.ctx, r.out, at, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// advance makes now a window that begins at an offset, and begins the next. When
// there is no memory for windows, or they are no larger than what is asked for,
// now is none.
func (r *remote) advance(at int64, asked int) error {
	r.drop(&r.now)
	if r.next != nil && r.next.from != at {
		r.drop(&r.next)
	}
	if r.next == nil {
		r.next = r.begin(at, asked)
	}
	if r.next == nil {
		return nil
	}
	<-r.next.loaded
	r.now, r.next = r.next, nil
	if err := r.now.err; err != nil {
		r.drop(&r.now)
		return err
	}
	r.next = r.begin(at+int64(len(r.now.bytes)), 0)
	return nil
}

// begin starts to fetch the window at an offset, or returns nil.
func (r *remote) begin(at int64, above int) *window {
	size := min(r.client.windowBytes(), r.end-at)
	if size <= int64(above) {
		return nil
	}
	w := &window{from: at, held: r.client.flight.Reserve("window"), loaded: make(chan struct{})}
	if !w.held.Grow(capacityOf(size)) {
		if size = min(size, minWindow); size <= int64(above) || !w.held.Grow(capacityOf(size)) {
			return nil
		}
	}
	w.bytes = takeBuffer(size)
	go func() {
		defer close(w.loaded)
		w.err = r.client.fetch(r.ctx, r.out, at, w.bytes)
	}()
	return w
}

// windowBytes is the size of windows, so that two for each open output fit what
// may be in flight.
func (c *Client) windowBytes() int64 {
	share := c.flight.Limit() / 2 / max(c.open.Load(), 1)
	return min(max(floorOfTwo(share), minWindow), maxWindow)
}

func (w *window) holds(at int64) bool {
	return w != nil && at >= w.from && at < w.from+int64(len(w.bytes))
}

// drop waits until nobody writes into a window and frees it. Only windows that
// are fetched in vain are waited for, when the context has ended or a reader
// jumps.
func (r *remote) drop(at **window) {
	w := *at
	if w == nil {
		return
	}
	*at = nil
	<-w.loaded
	giveBuffer(w.bytes)
	w.held.Release()
}

// Close ends what is under way and frees the windows.
func (r *remote) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(&r.now)
	r.drop(&r.next)
	if r.ahead {
		r.ahead = false
		r.client.open.Add(-1)
	}
	return nil
}

// Buffers are kept by size, in powers of two from the least window to the
// largest.
const classes = 6

var buffers [classes]sync.Pool

// capacityOf is what a buffer for size bytes takes.
func capacityOf(size int64) int64 { return minWindow << class(size) }

func class(size int64) int {
	return bits.Len64(uint64(max(size-1, 0) / minWindow))
}

func floorOfTwo(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return 1 << (bits.Len64(uint64(n)) - 1)
}

// takeBuffer returns size bytes with any content; size is at most maxWindow.
func takeBuffer(size int64) []byte {
	if b, ok := buffers[class(size)].Get().(*[]byte); ok {
		return (*b)[:size]
	}
	return make([]byte, size, capacityOf(size))
}

// giveBuffer takes back what takeBuffer returned.
func giveBuffer(b []byte) {
	b = b[:cap(b)]
	buffers[class(int64(len(b)))].Put(&b)
}
