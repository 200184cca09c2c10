package journal

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Peers are the coordinators of a cluster that outlives any one of them.
type Peers struct {
	Self string   // this one's name
	All  []string // the names of all three, which the journal keeps
	// Listener takes what the others send; Dial connects to one of them. They
	// belong to the journal from Open on, also when that fails, and bring
	// encryption with them. Where a name is to be found may change: Dial alone knows.
	Listener net.Listener
	Dial     func(ctx context.Context, name string) (net.Conn, error)
}

// check refuses numbers of coordinators that are worse than one. With two, the
// end of either is the end of both.
func (p *Peers) check() error {
	switch {
	case p == nil:
		return nil
	case len(p.All) != 3:
		return fault.New(fault.Invalid, "%d coordinators: run one, or three so that any one of them may end", len(p.All))
	case !slices.Contains(p.All, p.Self):
		return fault.New(fault.Invalid, "this coordinator's name %s is not among those of all: %v", p.Self, p.All)
	}
	sorted := slices.Clone(p.All)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(p.All) {
		return fault.New(fault.Invalid, "a coordinator is named twice: %v", p.All)
	}
	return nil
}

// checkMembers compares the coordinators that a journal names with those that were
// given: one that is not named is never chosen, and waits for ever.
func (p *Peers) checkMembers(known raft.Configuration) error {
	var names []string
	for _, s := range known.Servers {
		names = append(names, string(s.ID))
	}
	given := []string{itself}
	if p != nil {
		given = slices.Clone(p.All)
	}
	slices.Sort(names)
	slices.Sort(given)
	switch {
	case slices.Equal(names, given):
		return nil
	case slices.Equal(names, []string{itself}):
		return fault.New(fault.Invalid, "it was begun by a coordinator that ran alone, and cannot be shared by %v: give three new directories, or start it alone", given)
	case p == nil:
		return fault.New(fault.Invalid, "it is shared by the coordinators %v: start it as one of them (--peers and --name)", names)
	}
	return fault.New(fault.Invalid, "it is shared by the coordinators %v, and not by %v: names stay as they were at the first start", names, given)
}

// itself is the name of a coordinator that has no peers.
const itself = "coordinator"

func (p *Peers) id() raft.ServerID {
	if p == nil {
		return itself
	}
	return raft.ServerID(p.Self)
}

func (p *Peers) servers() []raft.Server {
	if p == nil {
		return []raft.Server{{ID: itself, Address: itself}}
	}
	var list []raft.Server
	for _, a := range p.All {
		list = append(list, raft.Server{ID: raft.ServerID(a), Address: raft.ServerAddress(a)})
	}
	return list
}

const (
	// peerConns is how many connections to one peer are kept.
	peerConns = 3
	// peerTimeout bounds a message to a peer.
	peerTimeout = 10 * time.Second
)

// transport is how messages reach the peers. Without peers no port is opened.
func (p *Peers) transport(log *logger) raft.Transport {
	if p == nil {
		_, t := raft.NewInmemTransport(itself)
		return t
	}
	return raft.NewNetworkTransportWithLogger(&stream{peers: p, open: map[net.Conn]bool{}}, peerConns, peerTimeout, log)
}

// stream is Peers as raft wants it. It ends its connections with itself: raft
// leaves those to the other side, and a goroutine with each.
type stream struct {
	peers *Peers

	mu   sync.Mutex // guards the fields below
	open map[net.Conn]bool
	over bool
}

// conn is a connection that its stream knows.
type conn struct {
	net.Conn
	of *stream
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn. That this end closed it is no fault to raft.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// keep notes a connection, or ends it when the stream has ended.
func (s *stream) keep(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	kept := &conn{c, s}
	s.open[kept] = true
	return kept, nil
}

// Dial implements raft.StreamLayer.
func (s *stream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.keep(s.peers.Dial(ctx, string(address)))
}

// Accept implements net.Listener.
func (s *stream) Accept() (net.Conn, error) { return s.keep(s.peers.Listener.Accept()) }

// Close implements net.Listener.
func (s *stream) Close() error {
	s.mu.Lock()
	s.over = true
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	errs := []error{s.peers.Listener.Close()}
	for _, c := range open {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Addr implements net.Listener. It is what raft tells the others: what it takes for
// an address is a name here.
func (s *stream) Addr() net.Addr { return address(s.peers.Self) }

type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
