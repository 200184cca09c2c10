package executor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	dialTimeout = 5 * time.Second
	// pingAfter is when a silent connection is asked whether it lives.
	pingAfter = 5 * time.Second
	// relayConnections bounds the connections to one executor.
	relayConnections = 64
)

// dialer makes connections with coordinators and other executors.
type dialer struct {
	// tls is nil on loopback without certificates. Each transport has a copy:
	// HTTP/2 writes into it.
	tls   *tls.Config
	token secure.Secret
	made  []*http.Transport
}

func newDialer(c Config) (*dialer, error) {
	d := &dialer{token: c.Token}
	if !c.Certificates.Given() {
		return d, nil
	}
	var err error
	d.tls, err = c.Certificates.Client()
	return d, err
}

func (d *dialer) scheme() string {
	if d.tls != nil {
		return "https"
	}
	return "http"
}

// plain returns a transport of HTTP/1.1, which moves bytes for the least CPU time.
func (d *dialer) plain() *http.Transport {
	t := &http.Transport{
		Protocols: new(http.Protocols), DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSClientConfig: d.tls.Clone(),
		TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: time.Minute, MaxConnsPerHost: relayConnections, DisableCompression: true,
	}
	t.Protocols.SetHTTP1(true)
	d.made = append(d.made, t)
	return t
}

// service returns the stub of a coordinator over a connection of its own, which
// cut closes: a stream in both directions does not end by its context alone.
func (d *dialer) service(address string) (service sheafv1connect.ExecutorServiceClient, cut func()) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &http.Transport{
		Protocols: new(http.Protocols), TLSClientConfig: d.tls.Clone(), TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: time.Minute,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter, WriteByteTimeout: pingAfter},
		DialContext: func(dial context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(dial, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
	}
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(d.tls == nil)
	client := &http.Client{
		Transport:     secure.Show(d.token, t),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	service = sheafv1connect.NewExecutorServiceClient(client, d.scheme()+"://"+address,
		connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(wire.MaxFrameBytes))
	return service, func() {
		cancel()
		t.CloseIdleConnections()
	}
}

func (d *dialer) close() {
	for _, t := range d.made {
		t.CloseIdleConnections()
	}
}
