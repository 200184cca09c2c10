// Package client speaks with a cluster's coordinator for the command line: it
// finds the one that leads, shows a token and a certificate, uploads programs,
// follows jobs and logs over broken connections, and says in clear text what
// went wrong. A Client is safe for concurrent use; it owns no goroutine beside
// those of its HTTP connections, which Close ends.
package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

// DefaultPort is where coordinators answer.
const DefaultPort = "7440"

const (
	dialTimeout = 5 * time.Second
	// callTimeout bounds one call that is not a stream.
	callTimeout = 30 * time.Second
	// maxRedirects bounds how often a call follows coordinators that name another
	// leader, which they may do for a moment while one is elected.
	maxRedirects = 8
	// maxAddresses bounds what is tried in turn.
	maxAddresses = 16
)

// Options say where a cluster is and what to show there.
type Options struct {
	// Addresses are those of coordinators, host:port; any of them may lead. They
	// are tried in order.
	Addresses []string
	// Token is shown with every call if it is given.
	Token secure.Secret
	// TLS is used if it is given. Without it only this machine is spoken to.
	TLS *tls.Config
	// Patience is how long a broken connection is tried again; 0 for
	// DefaultPatience. The first contact is never tried again.
	Patience time.Duration
}

// DefaultPatience outlasts the election of a leader and a restart.
const DefaultPatience = 30 * time.Second

// Client speaks with one cluster.
type Client struct {
	transport *http.Transport
	http      *http.Client
	scheme    string
	token     secure.Secret
	patience  time.Duration
	version   *pb.GetVersionResponse

	mu        sync.Mutex // guards what follows
	addresses []string   // the first is spoken to; the others are tried after it
}

// Dial connects with the first address that answers, and checks that both ends
// understand each other. Its errors are of type *Error.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	var reasons []string
	for range c.addresses {
		address, stub := c.stub()
		version, err := ask(ctx, stub)
		switch {
		case err == nil:
			if err := c.understand(address, version); err != nil {
				c.Close()
				return nil, err
			}
			return c, nil
		case ctx.Err() != nil || !unreachable(err):
			c.Close()
			return nil, c.explain(ctx, address, err)
		}
		reasons = append(reasons, reason(address, err))
		c.rotate(address)
	}
	c.Close()
	return nil, refused(Unreachable, "cannot reach a coordinator: %s", strings.Join(reasons, "; "))
}

func newClient(o Options) (*Client, error) {
	addresses, err := checkAddresses(o)
	if err != nil {
		return nil, err
	}
	c := &Client{scheme: "http", token: o.Token, patience: o.Patience, addresses: addresses}
	if c.patience <= 0 {
		c.patience = DefaultPatience
	}
	if o.TLS != nil {
		c.scheme = "https"
	}
	// HTTP/1.1 carries all that the service has. HTTP/2 would hide why a server
	// refused a certificate, which in TLS 1.3 is known only after the handshake.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c.transport = &http.Transport{
		DialContext:     (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig: o.TLS.Clone(), // transports of HTTP/2 write into theirs
		Protocols:       &protocols,
		// A coordinator that accepts and says nothing is no coordinator.
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     time.Minute,
	}
	c.http = &http.Client{
		Transport: secure.Show(o.Token, c.transport),
		// A redirect would carry the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// checkAddresses completes addresses, and refuses those on other machines where
// there is no TLS: a token and a program would cross the network in the clear,
// and no coordinator listens there without.
func checkAddresses(o Options) ([]string, error) {
	if len(o.Addresses) == 0 || len(o.Addresses) > maxAddresses {
		return nil, refused(Refused, "%d addresses of coordinators, want 1 to %d", len(o.Addresses), maxAddresses)
	}
	var all []string
	for _, address := range o.Addresses {
		address, err := completeAddress(address)
		if err != nil {
			return nil, err
		}
		if o.TLS == nil && !secure.IsLoopback(address) {
			return nil, refused(Refused, "%s is on another machine, where coordinators ask for certificates: give --tls-cert, --tls-key and --tls-ca", address)
		}
		all = append(all, address)
	}
	return all, nil
}

// completeAddress adds the usual port to an address that has none.
func completeAddress(address string) (string, error) {
	if strings.Contains(address, "/") || strings.TrimSpace(address) != address || address == "" {
		return "", refused(Refused, "%q is not the address of a coordinator: write host:port, such as 127.0.0.1:%s", address, DefaultPort)
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if host == "" {
			host = "127.0.0.1"
		}
		if port == "" {
			port = DefaultPort
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", refused(Refused, "%q is not the address of a coordinator: its port is no number from 1 to 65535", address)
		}
		return net.JoinHostPort(host, port), nil
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), DefaultPort), nil
}

// stub returns the address that is spoken to, with its stub.
func (c *Client) stub() (string, sheafv1connect.ClusterServiceClient) {
	c.mu.Lock()
	address := c.addresses[0]
	c.mu.Unlock()
	return address, sheafv1connect.NewClusterServiceClient(c.http, c.scheme+"://"+address,
		connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(wire.MaxFrameBytes))
}

// rotate puts an address that did not answer behind the others.
func (c *Client) rotate(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addresses[0] == address {
		c.addresses = append(c.addresses[1:], address)
	}
}

// lead puts the address of a leader before the others, if it may be spoken to.
func (c *Client) lead(address string) bool {
	if address == "" || c.scheme == "http" && !secure.IsLoopback(address) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(c.addresses), func(a string) bool { return a == address })
	c.addresses = append([]string{address}, rest[:min(len(rest), maxAddresses-1)]...)
	return true
}

// Address returns the address that is spoken to.
func (c *Client) Address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addresses[0]
}

// Version returns what the coordinator said of itself when it was reached.
func (c *Client) Version() *pb.GetVersionResponse { return c.version }

// Close ends idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

func ask(ctx context.Context, stub sheafv1connect.ClusterServiceClient) (*pb.GetVersionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	response, err := stub.GetVersion(ctx, connect.NewRequest(&pb.GetVersionRequest{}))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

// understand checks that both ends speak one protocol.
func (c *Client) understand(address string, v *pb.GetVersionResponse) error {
	theirs := wire.Versions{Min: int(v.GetProtocolMin()), Max: int(v.GetProtocolMax())}
	peer := "the coordinator at " + address
	if v.GetBuildVersion() != "" {
		peer += " (" + v.GetBuildVersion() + ")"
	}
	if _, err := wire.ClusterProtocol.Agree("this program", peer, theirs); err != nil {
		return &Error{Reason: Refused, Err: err}
	}
	c.version = v
	return nil
}
