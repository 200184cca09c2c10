package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	// maxCallBytes bounds a message of a client; a plan is the largest.
	maxCallBytes = 16 << 20
	// headerTimeout is how long a connection may take to say what it wants.
	headerTimeout = 5 * time.Second
	// callTimeout is how long a call without a stream may take.
	callTimeout = time.Minute
	// idleTimeout is how long an unused connection is kept.
	idleTimeout = 2 * time.Minute
	// pingAfter is when a silent connection is asked whether it lives.
	pingAfter = 15 * time.Second

	// compressBytes is the least answer to a client that is compressed where it may
	// be. Executors are near, and for them it would be most of the work: commands
	// are small, and a program is the same for all of them.
	compressBytes = 4 << 10
	never         = math.MaxInt

	maxHeaderBytes = 64 << 10
	// maxStreams bounds the calls of one connection at once.
	maxStreams = 128
)

// listen opens the port.
func (c *Coordinator) listen() (err error) {
	if c.listener == nil {
		if c.listener, err = secure.Listen(c.cfg.Address); err != nil {
			return err
		}
	}
	c.address = c.listener.Addr().String()
	if err := secure.CheckListen(c.address, c.cfg.TLS != nil, c.cfg.Gossip == "" || c.cfg.GossipKey.Given()); err != nil {
		return err
	}
	authorizer, err := secure.NewAuthorizer(c.address, c.cfg.Tokens)
	if err != nil {
		return err
	}
	advertised := c.cfg.Advertise
	or(&advertised, c.address)
	if c.address, err = secure.Advertise(advertised, c.address); err != nil {
		return err
	}
	handlers := http.NewServeMux()
	options := func(limit, compress int) []connect.HandlerOption {
		return []connect.HandlerOption{connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(limit), connect.WithCompressMinBytes(compress)}
	}
	handlers.Handle(sheafv1connect.NewClusterServiceHandler(clusterService{c}, options(maxCallBytes, compressBytes)...))
	handlers.Handle(sheafv1connect.NewExecutorServiceHandler(executorService{c}, options(wire.MaxFrameBytes, never)...))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(c.cfg.TLS == nil)
	c.server = &http.Server{
		Handler: authorizer.Guard(controlled(handlers)), Protocols: protocols, TLSConfig: c.cfg.TLS,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingAfter, WriteByteTimeout: pingAfter,
		},
		BaseContext: func(net.Listener) context.Context { return c.ctx },
		ErrorLog:    slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	return nil
}

// serve answers calls until the coordinator ends.
func (c *Coordinator) serve() {
	defer c.cancel()
	var ended sync.WaitGroup
	ended.Go(func() {
		<-c.ctx.Done()
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		if c.server.Shutdown(ctx) != nil {
			_ = c.server.Close() // what did not end in time is cut off
		}
	})
	l := limitListener(c.listener, c.cfg.Limits.Connections)
	var err error
	if c.cfg.TLS != nil {
		err = c.server.ServeTLS(l, "", "")
	} else {
		err = c.server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		c.fail(err)
		c.cancel()
	}
	ended.Wait()
}

// controlled gives handlers control over the deadlines of their calls, and those
// of calls without a stream a deadline.
func controlled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if !streams[r.URL.Path] {
			deadline := time.Now().Add(callTimeout)
			// A connection without deadlines is bounded by the limit of connections.
			_ = control.SetReadDeadline(deadline)
			_ = control.SetWriteDeadline(deadline)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), controlKey{}, control)))
	})
}

// controlKey is the key of a call's http.ResponseController in its context.
type controlKey struct{}

// streams are the calls that take as long as they like.
var streams = map[string]bool{
	sheafv1connect.ClusterServiceWatchJobProcedure:       true,
	sheafv1connect.ClusterServiceReadLogsProcedure:       true,
	sheafv1connect.ExecutorServiceConnectProcedure:       true,
	sheafv1connect.ExecutorServiceFetchArtifactProcedure: true,
}

// limitListener bounds the connections that are open at once: further ones wait
// in the kernel's queue.
func limitListener(l net.Listener, limit int) net.Listener {
	return &limited{Listener: l, tokens: make(chan struct{}, limit), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	tokens chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.tokens <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.tokens
		return nil, err
	}
	return &limitedConn{Conn: conn, free: sync.OnceFunc(func() { <-l.tokens })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
