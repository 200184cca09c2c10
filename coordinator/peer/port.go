package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

const (
	// greetTimeout bounds how long either side of a new connection may take to say
	// who it is.
	greetTimeout = 5 * time.Second
	// maxConns bounds the connections that others have made. A peer has about five.
	maxConns = 64
	// acceptPause is between two tries to accept, as when there are no more files.
	acceptPause = 100 * time.Millisecond
)

// Config says who a Port belongs to. All fields but those of TLS must be set.
type Config struct {
	Self    string // the name of this one
	Peers   []Peer // all coordinators, this one among them
	Cluster string // its id
	// Address is where clients reach this coordinator: the others are told, so that
	// they can name it as the leader.
	Address string
	// Listener takes the connections of the others; it belongs to the port from
	// Open on, also when that fails.
	Listener net.Listener
	// Server and Client are the two ends of mutual TLS; both nil on loopback without
	// certificates.
	Server, Client *tls.Config
	// Program opens a program that this coordinator has and says how large it is; the
	// port closes it.
	Program func(sha256 string) (*os.File, int64, error)
	// Copy fetches a program that a peer has, unless this coordinator has it.
	Copy func(ctx context.Context, sha256, from string) error
	Log  *slog.Logger
}

// Port is one coordinator's end of the connections among them. Its methods are
// safe for concurrent use.
type Port struct {
	cfg     Config
	journal chan net.Conn
	slots   chan struct{} // a token for each connection that others have made
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu        sync.Mutex        // guards the fields below
	addresses map[string]string // where clients reach the others, as they said last
	told      string            // the refusal that was logged last: who is refused comes again soon
}

// Open begins to listen to the others. An address that others than this machine
// reach, here or of a peer, is refused without TLS.
func Open(cfg Config) (*Port, error) {
	if err := cfg.check(); err != nil {
		return nil, errors.Join(err, cfg.Listener.Close())
	}
	p := &Port{cfg: cfg, journal: make(chan net.Conn), slots: make(chan struct{}, maxConns), addresses: map[string]string{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.done.Go(p.accept)
	return p, nil
}

func (c Config) check() error {
	if err := Check(c.Peers); err != nil {
		return err
	}
	if _, ok := find(c.Peers, c.Self); !ok {
		return fault.New(fault.Invalid, "this coordinator's name %q is not among its peers %v", c.Self, c.Peers)
	}
	secured := c.Server != nil && c.Client != nil
	// What goes over this port is no gossip.
	if err := secure.CheckListen(c.Listener.Addr().String(), secured, true); err != nil {
		return err
	}
	for _, p := range c.Peers {
		if !secured && !secure.IsLoopback(p.Address) {
			return fault.New(fault.Invalid, "peer %s=%s is on another machine: give certificates (--tls-cert, --tls-key and --tls-ca)", p.Name, p.Address)
		}
	}
	return nil
}

// Close ends all that is under way, but for connections that Accept or Dial have
// handed over.
func (p *Port) Close() error {
	p.cancel()
	err := p.cfg.Listener.Close()
	p.done.Wait()
	return err
}

// Addr implements net.Listener.
func (p *Port) Addr() net.Addr { return p.cfg.Listener.Addr() }

// Accept implements net.Listener for the journal: it returns connections of other
// coordinators that proved who they are.
func (p *Port) Accept() (net.Conn, error) {
	select {
	case c := <-p.journal:
		return c, nil
	case <-p.ctx.Done():
		return nil, net.ErrClosed
	}
}

// ClientAddress returns where clients reach a peer, empty when it has not said so.
func (p *Port) ClientAddress(name string) string {
	if name == p.cfg.Self {
		return p.cfg.Address
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addresses[name]
}

// Dial connects with the journal of a peer.
func (p *Port) Dial(ctx context.Context, name string) (net.Conn, error) {
	return p.dial(ctx, name, forJournal)
}

// accept takes connections until the port closes.
func (p *Port) accept() {
	for {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			return
		}
		conn, err := p.cfg.Listener.Accept()
		if err != nil {
			<-p.slots
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			p.cfg.Log.Warn("no connection of another coordinator can be accepted", "err", err)
			p.pause()
			continue
		}
		c := &held{Conn: conn, free: sync.OnceFunc(func() { <-p.slots })}
		p.done.Go(func() {
			if err := p.greet(c); err != nil {
				p.cfg.Log.Debug("connection ended", "address", conn.RemoteAddr().String(), "err", err)
			}
		})
	}
}

func (p *Port) pause() {
	timer := time.NewTimer(acceptPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

// held is a connection that counts until it is closed.
type held struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (h *held) Close() error {
	defer h.free()
	return h.Conn.Close()
}

// greet finds out who has connected and what for, and sees to it.
func (p *Port) greet(raw net.Conn) (err error) {
	conn, handed := raw, false
	stop := context.AfterFunc(p.ctx, func() { raw.Close() })
	defer func() {
		stop()
		if !handed {
			conn.Close() // nobody waits for what it says
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return err
	}
	if conn, err = p.secured(raw); err != nil {
		return err
	}
	h, err := readHello(conn)
	if err != nil {
		return err
	}
	refusal := p.refuse(h, conn)
	p.note(h, refusal)
	if _, err := conn.Write(appendAnswer(nil, refusal)); err != nil || refusal != "" {
		return err
	}
	switch h.kind {
	case forProgram:
		return p.give(conn)
	case forCopy:
		return p.copied(conn, h.name)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if !stop() {
		return net.ErrClosed
	}
	select {
	case p.journal <- conn:
		handed = true
	case <-p.ctx.Done():
	}
	return nil
}

// secured begins TLS, where there is any.
func (p *Port) secured(raw net.Conn) (net.Conn, error) {
	if p.cfg.Server == nil {
		if remote := raw.RemoteAddr().String(); !secure.IsLoopback(remote) {
			return raw, fault.New(fault.Invalid, "only this machine may connect here")
		}
		return raw, nil
	}
	conn := tls.Server(raw, p.cfg.Server)
	return conn, conn.HandshakeContext(p.ctx)
}

// note keeps what a peer says, or tells why it is none.
func (p *Port) note(h hello, refusal string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch refusal {
	case "":
		p.addresses[h.name] = h.address
	case p.told:
	default:
		p.cfg.Log.Warn("another coordinator is refused", "err", refusal)
		p.told = refusal
	}
}

// refuse says why who has connected is none of the others; nothing if it is one.
func (p *Port) refuse(h hello, conn net.Conn) string {
	if err := p.belongs(h, conn); err != nil {
		return err.Error()
	}
	return ""
}

func (p *Port) belongs(h hello, conn net.Conn) error {
	_, known := find(p.cfg.Peers, h.name)
	switch {
	case !h.kind.known():
		return fault.New(fault.Invalid, "kind %d of connections is not known: a newer Sheaf asks for it", h.kind)
	case h.cluster != p.cfg.Cluster:
		return fault.New(fault.Invalid, "coordinator %q belongs to cluster %s, and %q to %s: give all of them the same --cluster-id and new directories", h.name, h.cluster, p.cfg.Self, p.cfg.Cluster)
	case !known || h.name == p.cfg.Self:
		return fault.New(fault.Invalid, "coordinator %q is none of the others that %q knows: give all of them the same --peers, and each its own --name", h.name, p.cfg.Self)
	}
	if t, ok := conn.(*tls.Conn); ok {
		return p.certified(t.ConnectionState(), h.name)
	}
	return nil
}

// certified checks that a certificate is the one of a peer. That the cluster's
// authority signed it is not enough: executors and clients have such ones too.
func (p *Port) certified(state tls.ConnectionState, name string) error {
	if cluster, named, ok := secure.Coordinator(&state); !ok || cluster != p.cfg.Cluster || named != name {
		return fault.New(fault.Invalid, "coordinator %q shows a certificate that does not name it: it must have the URI sheaf://%s/coordinator/%s", name, p.cfg.Cluster, name)
	}
	return nil
}

// dial connects with a peer and says who this is and what for.
func (p *Port) dial(ctx context.Context, name string, what kind) (_ net.Conn, err error) {
	to, ok := find(p.cfg.Peers, name)
	if !ok {
		return nil, fault.New(fault.Invalid, "coordinator %q is none of this cluster's", name)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("coordinator %s at %s: %w", name, to.Address, err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", to.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, err := p.introduce(ctx, raw, to, what)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

// introduce is what greet answers.
func (p *Port) introduce(ctx context.Context, raw net.Conn, to Peer, what kind) (net.Conn, error) {
	conn := raw
	if p.cfg.Client != nil {
		config := p.cfg.Client.Clone()
		host, _, err := net.SplitHostPort(to.Address)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
		config.VerifyConnection = func(state tls.ConnectionState) error { return p.certified(state, to.Name) }
		t := tls.Client(raw, config)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = t
	}
	hello, err := hello{what, p.cfg.Cluster, p.cfg.Self, p.cfg.Address}.append(nil)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(hello); err != nil {
		return nil, err
	}
	return conn, readAnswer(conn)
}
