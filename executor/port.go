package executor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/shuffle/transfer"
)

// port is a listener with its server.
type port struct {
	listener   net.Listener
	server     *http.Server
	tls        bool
	advertised string // host:port that others are told

	once sync.Once
	err  error // of close
}

// openPort opens the data port, at which other executors and their workers read
// map outputs and coordinators read logs.
func (e *Executor) openPort() (*port, error) {
	if err := secure.CheckListen(e.cfg.Listen, e.cfg.Certificates.Given(), e.cfg.GossipKey.Given()); err != nil {
		return nil, err
	}
	var config *tls.Config
	if e.cfg.Certificates.Given() {
		var err error
		if config, err = e.cfg.Certificates.Server(); err != nil {
			return nil, err
		}
	}
	l, err := secure.Listen(e.cfg.Listen)
	if err != nil {
		return nil, err
	}
	// Who may connect at all is for the guard; within a cluster an executor reads
	// what it needs.
	everyone := func(*http.Request, plan.JobID) error { return nil }
	routes := http.NewServeMux()
	routes.Handle("/v1/outputs/", transfer.NewHandler(e.store, everyone, transfer.HandlerOptions{}))
	routes.Handle("GET /v1/logs/", logHandler{e})
	p := &port{
		listener: transfer.Limit(l, e.cfg.Limits.Connections, e.cfg.Limits.HostConnections),
		server:   transfer.NewServer(secure.GuardPeers(l.Addr().String(), routes), config),
		tls:      config != nil, advertised: l.Addr().String(),
	}
	if p.advertised, err = secure.Advertise(orText(e.cfg.Advertise, p.advertised), p.advertised); err != nil {
		l.Close()
		return nil, err
	}
	return p, nil
}

// serve answers requests until the port is closed.
func (p *port) serve() {
	if p.tls {
		p.server.ServeTLS(p.listener, "", "")
		return
	}
	p.server.Serve(p.listener)
}

// portStop bounds the wait for requests that are under way.
const portStop = time.Second

// close ends the port. Requests that take longer are cut off: who asked asks
// again elsewhere. Further calls do nothing.
func (p *port) close() error {
	p.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), portStop)
		defer cancel()
		if p.server.Shutdown(ctx) != nil {
			p.err = p.server.Close()
		}
		// Before serve has run the server does not know its listener.
		if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			p.err = errors.Join(p.err, err)
		}
	})
	return p.err
}
