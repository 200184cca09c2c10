package transfer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

const (
	// defaultFlight is what a task may have under way or read ahead: 24 windows
	// of 2 MiB, enough for a fast network, and small beside a task's budget.
	defaultFlight = 48 << 20
	// flightShare is the part of a task's budget that it is at most.
	flightShare     = 8
	defaultRequests = 8
	defaultTimeout  = 10 * time.Second
	defaultAttempts = 5
	defaultBackoff  = 100 * time.Millisecond
	maxBackoff      = 5 * time.Second
	dialTimeout     = 5 * time.Second
)

// Options are what a client may be told. The zero value works.
type Options struct {
	// Self is the executor whose outputs Local opens, by file. Where Local does
	// not have one, its executor is asked like any other.
	Self  plan.ExecutorID
	Local Outputs
	// TLS is used for addresses that begin with https.
	TLS *tls.Config
	// Sign adds to a request for outputs of a job what the other side's
	// authorize wants to see.
	Sign func(*http.Request, plan.JobID)
	// FlightBytes bounds what is under way or read ahead; 0 means 48 MiB.
	FlightBytes int64
	// Requests is how many requests run at once; 0 means 8.
	Requests int
	// Timeout is how long the other side may send nothing; 0 means 10 s.
	Timeout time.Duration
	// Attempts is how often in a row a request may fail; 0 means 5.
	Attempts int
	// Backoff is the first pause between attempts, doubled up to 5 s, a quarter
	// more or less by chance; 0 means 100 ms.
	Backoff time.Duration
}

// Client opens map outputs wherever they are. It is a shuffle.Source. It is safe
// for concurrent use.
type Client struct {
	*peers
	flight *memory.Budget
	slots  chan struct{}
	open   atomic.Int64 // outputs that read ahead, for the size of their windows
}

// peers is what the clients of all tasks of a process share.
type peers struct {
	address   func(plan.ExecutorID) (string, error)
	options   Options
	transport *http.Transport
}

// NewClient returns a client that asks address for the base URL of an executor,
// such as http://10.1.2.3:7070, before each request. The caller calls Close.
func NewClient(address func(plan.ExecutorID) (string, error), o Options) *Client {
	o.FlightBytes = orDefault(o.FlightBytes, defaultFlight)
	o.Requests = orDefault(o.Requests, defaultRequests)
	o.Timeout = orDefault(o.Timeout, defaultTimeout)
	o.Attempts = orDefault(o.Attempts, defaultAttempts)
	o.Backoff = orDefault(o.Backoff, defaultBackoff)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	p := &peers{address: address, options: o, transport: &http.Transport{
		// No proxy, whatever the environment says: peers are in the cluster.
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    o.Requests,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// A body is read in large pieces past this buffer, which serves headers.
		ReadBufferSize: 4 << 10,
	}}
	return p.client(memory.NewBudget(o.FlightBytes))
}

func (p *peers) client(flight *memory.Budget) *Client {
	return &Client{peers: p, flight: flight, slots: make(chan struct{}, p.options.Requests)}
}

// Task returns a client for one task, with limits of its own, whose buffers come
// out of the task's budget. It shares the connections and needs no Close.
func (c *Client) Task(budget *memory.Budget) *Client {
	return c.client(budget.Child("fetch", min(c.options.FlightBytes, budget.Limit()/flightShare)))
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Open opens a map output: by file if it is on this machine, else for reading
// over the network, which begins with the first ReadAt. Digest and bytes must be
// what its producer reported. ctx ends the reads of the output as well. Errors of
// Open and ReadAt are of kind fault.Fetch, fault.Corrupt or fault.Canceled; a
// failed fetch holds an Error.
func (c *Client) Open(ctx context.Context, out plan.MapOutput) (store.Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o := c.openLocal(ctx, out); o != nil {
		return o, nil
	}
	if !isDigest(out.Digest) || out.Bytes < 0 {
		return nil, fault.New(fault.Internal, "open map output %v: its digest is %q, its length %d", out.ID, out.Digest, out.Bytes)
	}
	return newRemote(ctx, c, out), nil
}

func (c *Client) isLocal(out plan.MapOutput) bool {
	return c.options.Local != nil && out.Executor == c.options.Self
}

// openLocal returns nil if the output must be fetched.
func (c *Client) openLocal(ctx context.Context, out plan.MapOutput) store.Output {
	if !c.isLocal(out) {
		return nil
	}
	// A worker under another user may not be allowed to open it, and why a
	// file is not there its executor knows best.
	o, err := c.options.Local.Open(ctx, out)
	if err != nil {
		return nil
	}
	return o
}

// acquire waits for the right to run a request.
func (c *Client) acquire(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) release() { <-c.slots }

// fetchFailed is the error of a fetch that is given up.
func fetchFailed(out plan.MapOutput, e *Error) error {
	return &fault.Error{Kind: e.Reason.kind(), Err: fmt.Errorf("fetch map output %v: %w", out.ID, e)}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
