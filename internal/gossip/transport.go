package gossip

import (
	"context"
	"log"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// transport is memberlist's own, but its connections end with a context:
// memberlist would wait for a host that does not answer until its time is over,
// and Close with it.
type transport struct {
	*memberlist.NetTransport
	ctx context.Context // ends with this member; memberlist hands none to a dial
}

// dialTimeout bounds how long a host may take to answer: on a local network it
// does so at once or not at all, and a partition that heals is noticed by the
// next connection, not by one that waits.
const dialTimeout = 3 * time.Second

// bindTries bounds how often a free port is looked for: the kernel gives one
// that is free for TCP, and UDP may use it.
const bindTries = 10

// listen binds an address for TCP and UDP. ctx ends the connections that are
// made.
func listen(ctx context.Context, at netip.AddrPort, log *log.Logger) (*transport, error) {
	tries := 1
	if at.Port() == 0 {
		tries = bindTries
	}
	for {
		t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{at.Addr().String()}, BindPort: int(at.Port()), Logger: log,
		})
		if err == nil {
			return &transport{t, ctx}, nil
		}
		if tries--; tries == 0 {
			return nil, err
		}
	}
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: min(timeout, dialTimeout)}
	conn, err := dialer.DialContext(t.ctx, "tcp", a.Addr)
	if err != nil {
		return nil, err
	}
	return &endingConn{conn, context.AfterFunc(t.ctx, func() { conn.Close() })}, nil
}

// endingConn is closed with its context.
type endingConn struct {
	net.Conn
	forget func() bool
}

// Close implements net.Conn.
func (c *endingConn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// abandon ends a transport that memberlist does not read from, or not any more:
// one who has connected meanwhile must not hold it up.
func (t *transport) abandon() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.Shutdown() // always nil
	}()
	for {
		select {
		case conn := <-t.StreamCh():
			conn.Close()
		case <-t.PacketCh():
		case <-ended:
			return
		}
	}
}
