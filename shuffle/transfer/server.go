package transfer

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 8 << 10
)

// NewServer returns a server for a handler, with the limits of a data port: a
// request is there within five seconds, an idle connection ends, headers are
// small. It speaks HTTP/1.1 alone, by TLS if a configuration is given: HTTP/2
// moves two thirds of the bytes for the same CPU time. The caller serves on a
// listener of Limit and shuts it down.
func NewServer(h http.Handler, config *tls.Config) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: h, TLSConfig: config, Protocols: &protocols,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
}

// Limit returns a listener that has at most total connections open, and at most
// perHost from one address. Others are closed at once, before they cost more
// than that.
func Limit(l net.Listener, total, perHost int) net.Listener {
	return &limited{Listener: l, total: total, perHost: perHost, hosts: make(map[string]int)}
}

type limited struct {
	net.Listener
	total, perHost int

	mu    sync.Mutex // guards what follows
	open  int
	hosts map[string]int
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err == nil && l.enter(host) {
			return l.wrap(c, host), nil
		}
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			continue // it is gone either way
		}
	}
}

// wrap counts the connection until it is closed. A TCP connection keeps its
// ReadFrom, by which the kernel copies files.
func (l *limited) wrap(c net.Conn, host string) net.Conn {
	leave := sync.OnceFunc(func() { l.leave(host) })
	if tcp, ok := c.(*net.TCPConn); ok {
		return &limitedTCP{tcp, leave}
	}
	return &limitedConn{c, leave}
}

func (l *limited) enter(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total || l.hosts[host] >= l.perHost {
		return false
	}
	l.open++
	l.hosts[host]++
	return true
}

func (l *limited) leave(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}

type limitedTCP struct {
	*net.TCPConn
	leave func()
}

// Close implements net.Conn.
func (c *limitedTCP) Close() error {
	c.leave()
	return c.TCPConn.Close()
}

type limitedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
