// Package gossip tells the daemons of a cluster which others are there. It is
// the only user of memberlist, which is an implementation of SWIM (Das, Gupta,
// Motivala: SWIM: Scalable Weakly-consistent Infection-style Process Group
// Membership Protocol, 2002).
//
// What it says is a hint and nothing more. A member that is shown may be dead,
// one that is not shown may live: a process that got no CPU for a while, or the
// other side of a partition. So nothing is decided by it alone: who hears that a
// member is gone asks it, and who finds one lets it prove who it is.
//
// A coordinator takes from it which executors to ask at once, an executor where
// the coordinators are. Members keep looking for those that were lost, since
// memberlist forgets the dead; peers that were seen are kept in a file for the
// next start.
//
// Start begins a goroutine, and memberlist some of its own. Close ends them; a
// probe that memberlist has begun may take some seconds more to end.
package gossip

import (
	"cmp"
	"context"
	"log"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

// Gossip is one member's part in gossip. All methods are safe for concurrent use.
type Gossip struct {
	cfg     settings
	log     *slog.Logger
	address netip.AddrPort // where others reach it
	list    *memberlist.Memberlist
	view    *view
	tasks   sync.WaitGroup

	stopLooking context.CancelFunc // ends run
	hangUp      context.CancelFunc // ends connections

	mu     sync.Mutex // guards what follows
	closed bool

	// Of run's goroutine:
	peers     peers
	unwritten bool // the last write of the file of peers failed
	alone     bool // nobody answered when lost members were looked for last
}

// Start begins to gossip. It does not wait for others: those that are found show
// in Members, and the rest is looked for as long as it takes. ctx bounds Start
// alone. Errors are of kind Invalid: what is asked for cannot work. The caller
// must Close what is returned.
func Start(ctx context.Context, cfg Config) (*Gossip, error) {
	s, err := cfg.check(ctx)
	if err != nil {
		return nil, err
	}
	life, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	g := &Gossip{
		cfg: s, log: s.Log, view: newView(nodeName(s.Role, s.Name), digestOf(s.Cluster)), hangUp: hangUp,
	}
	if err := g.open(life); err != nil {
		hangUp()
		// memberlist's error is text alone; ours says what to do.
		l, busy := secure.Listen(s.Listen)
		if busy != nil {
			return nil, fault.New(fault.Invalid, "gossip: %w", busy)
		}
		l.Close()
		return nil, fault.New(fault.Invalid, "gossip on %s: %w", s.Listen, err)
	}
	g.recall()
	looking, stop := context.WithCancel(life)
	g.stopLooking = stop
	g.tasks.Go(func() { g.run(looking) })
	return g, nil
}

// open listens and starts memberlist.
func (g *Gossip) open(life context.Context) error {
	logger := log.New(&logWriter{log: g.log, now: time.Now, stop: life.Done()}, "", 0)
	t, err := listen(life, g.cfg.listen, logger)
	if err != nil {
		return err
	}
	conf := g.configure(t, logger)
	ip, port, err := t.FinalAdvertiseAddr(conf.AdvertiseAddr, conf.AdvertisePort)
	if err == nil {
		addr, _ := netip.AddrFromSlice(ip)
		g.address = netip.AddrPortFrom(addr.Unmap(), uint16(port))
		g.list, err = memberlist.Create(conf)
	}
	if err != nil {
		t.abandon()
	}
	return err
}

// reclaimAfter is how long a member must have been dead before one of its name
// may come from another address. It must not be 0, which is never; a longer time
// would only keep away an executor that was started again.
const reclaimAfter = time.Millisecond

func (g *Gossip) configure(t *transport, logger *log.Logger) *memberlist.Config {
	conf := memberlist.DefaultLANConfig()
	if g.cfg.loopback {
		conf = memberlist.DefaultLocalConfig()
	}
	conf.Name, conf.Label = g.view.self, g.cfg.Cluster
	conf.SecretKey = []byte(g.cfg.Key.Reveal())
	conf.Transport, conf.Logger = t, logger
	conf.BindAddr, conf.BindPort = g.cfg.listen.Addr().String(), t.GetAutoBindPort()
	conf.AdvertisePort = conf.BindPort
	if a := g.cfg.advertise; a.IsValid() {
		conf.AdvertiseAddr = a.Addr().String()
		conf.AdvertisePort = cmp.Or(int(a.Port()), conf.BindPort)
	}
	conf.DeadNodeReclaimTime = reclaimAfter
	conf.Delegate = ownMetadata(metadata{g.view.cluster, g.cfg.Role, g.cfg.Address}.encode())
	conf.Events, conf.Alive, conf.Merge, conf.Conflict = g.view, g.view, g.view, g.view
	if g.cfg.tune != nil {
		g.cfg.tune(conf)
	}
	return conf
}

// recall reads the file of peers. Whatever it holds, or does not, is no reason
// not to start.
func (g *Gossip) recall() {
	if g.cfg.PeersFile == "" {
		return
	}
	gone, err := readPeers(g.cfg.PeersFile, g.cfg.Cluster)
	if err != nil {
		g.log.Warn("the file of gossip's peers is ignored: only seeds are asked", "file", g.cfg.PeersFile, "err", err)
	}
	g.peers.gone = gone
}

// Members returns the members that are taken for alive, sorted by name, with this
// one among them. They belong to the caller.
func (g *Gossip) Members() []Member { return g.view.members() }

// Changed returns a channel that receives after what Members returns may have
// changed, once for any number of changes. There is one channel: it is for one
// receiver. It is never closed.
func (g *Gossip) Changed() <-chan struct{} { return g.view.changed }

// Address returns where others reach this member's gossip, host:port: what is
// listened on, or what the configuration says to advertise.
func (g *Gossip) Address() string { return g.address.String() }

// leaveTimeout bounds how long a member waits to be heard when it leaves. Two
// tenths of a second are usual.
const leaveTimeout = 5 * time.Second

// Leave tells the others that this member goes, so that they need not find out.
// It waits until some have heard it, at most 5 s; when nobody did, the error is
// of kind Transient. Close must still be called; after it Leave does nothing.
func (g *Gossip) Leave(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	left := make(chan error, 1)
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil
	}
	g.stopLooking()
	g.tasks.Go(func() { left <- g.list.Leave(leaveTimeout) })
	g.mu.Unlock()
	select {
	case err := <-left:
		if err != nil {
			return fault.New(fault.Transient, "leave the cluster's gossip: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends this member's part. Without Leave before it the others take it for
// dead after some seconds. Closing again does nothing.
func (g *Gossip) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	g.hangUp()
	g.stopLooking()
	// memberlist panics when it is to leave after its end.
	g.tasks.Wait()
	g.list.Shutdown() // always nil
}
