package gossip

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of one look for lost members. One that is found brings in all that it
// knows, so a few attempts are enough, and the next look takes others.
const (
	seedTries     = 4
	peerTries     = 4
	lookupTimeout = 3 * time.Second
	// maxLooked bounds the addresses of one seed's name.
	maxLooked = 64
)

// run looks for lost members, keeps the file of peers and logs what was noticed,
// until ctx ends.
func (g *Gossip) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			g.remember() // the next start begins with what is known now
			return
		case <-g.view.wake:
			g.logNotices()
			g.remember()
		case <-timer.C:
			g.rejoin(ctx)
			timer.Reset(jittered(g.cfg.rejoin))
		}
	}
}

// jittered spreads the members of a cluster that was started at once.
func jittered(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1)
}

func (g *Gossip) logNotices() {
	for _, n := range g.view.takeNotices() {
		g.log.Warn(n.message, "member", n.node, "err", n.reason)
	}
}

// remember takes in who is alive, and writes the file of peers if that changes it.
func (g *Gossip) remember() {
	if !g.peers.update(g.view.peers()) && !g.unwritten || g.cfg.PeersFile == "" {
		return
	}
	err := writePeers(g.cfg.PeersFile, g.cfg.Cluster, g.peers.all())
	if err != nil && !g.unwritten {
		g.log.Warn("the peers of gossip are not kept: after a restart only seeds are asked", "err", err)
	}
	g.unwritten = err != nil
}

// rejoin connects to seeds and peers that are no members.
func (g *Gossip) rejoin(ctx context.Context) {
	g.remember()
	lost, unresolved := g.lost(ctx)
	var found atomic.Int32
	var why atomic.Pointer[error] // of one that was not found
	var tries sync.WaitGroup
	for _, a := range lost {
		tries.Go(func() {
			if err := g.join(a); err != nil {
				why.Store(&err)
				return
			}
			found.Add(1)
		})
	}
	tries.Wait()
	if ctx.Err() != nil {
		return
	}
	asked := len(lost) + unresolved
	alone := asked > 0 && found.Load() == 0 && len(g.view.peers()) == 0
	if alone && !g.alone {
		var err error // nil where no seed has an address
		if e := why.Load(); e != nil {
			err = *e
		}
		g.log.Warn("no other member of gossip answers: is one there, with the same gossip key? It is tried again for ever", "asked", asked, "err", err)
	}
	g.alone = alone
}

// join connects to one address; the error says why no member answered.
func (g *Gossip) join(a netip.AddrPort) error {
	// Two that took each other for dead, and have not forgotten it yet, hear of
	// that by the first exchange, object, and believe each other at the second.
	for range 2 {
		if _, err := g.list.Join([]string{a.String()}); err != nil {
			// memberlist makes a list of it, on lines of its own.
			if all, ok := err.(interface{ WrappedErrors() []error }); ok && len(all.WrappedErrors()) == 1 {
				err = all.WrappedErrors()[0]
			}
			return err
		}
		if g.view.alive(a) {
			break
		}
	}
	return nil
}

// lost returns some addresses at which members may be that are not known to be
// alive, or do not know that this one is, and how many seeds have no address.
func (g *Gossip) lost(ctx context.Context) (lost []netip.AddrPort, unresolved int) {
	alive := map[netip.AddrPort]bool{g.address: true}
	others := shuffled(g.view.peers())
	for _, p := range others {
		alive[p.address] = true
	}
	seeds := shuffled(g.cfg.Seeds)
	add := func(a netip.AddrPort) {
		if !alive[a] && !slices.Contains(lost, a) {
			lost = append(lost, a)
		}
	}
	for _, seed := range seeds[:min(len(seeds), seedTries)] {
		addresses, err := resolveAll(ctx, seed)
		if err != nil {
			unresolved++
			g.log.Debug("a seed of gossip has no address", "seed", seed, "err", err)
		}
		for _, a := range shuffled(addresses) {
			if len(lost) < seedTries {
				add(a)
			}
		}
	}
	limit := len(lost) + peerTries
	for _, p := range shuffled(g.peers.gone) {
		if len(lost) < limit {
			add(p.address)
		}
	}
	// A member that was started again at another address is not believed before
	// the one that it was is given up. Nobody asks it then: it must tell of itself.
	if len(others) > 0 && g.view.isDisputed() {
		lost = append(lost, others[0].address)
	}
	return lost, unresolved
}

// resolveAll returns the addresses of a seed.
func resolveAll(ctx context.Context, seed string) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	host, text, _ := net.SplitHostPort(seed)   // checked at the start
	port, _ := strconv.ParseUint(text, 10, 16) // as well
	ips, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	all := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips[:min(len(ips), maxLooked)] {
		all = append(all, netip.AddrPortFrom(ip, uint16(port)))
	}
	return all, nil
}

func shuffled[T any](all []T) []T {
	all = slices.Clone(all)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
