package gossip

import (
	"net/netip"
	"slices"
)

// peer is another one's place in gossip.
type peer struct {
	address netip.AddrPort
	role    Role // 0 when its metadata are not understood
}

// peers are those that were seen, also those that are gone: memberlist forgets
// the dead after half a minute, and after a partition each side must still know
// where the other one was.
//
// Invariant: no address is in two of the lists, or twice in one.
type peers struct {
	alive []peer // longest known first
	gone  []peer // last gone first
}

// Bounds of what is remembered. Alive executors fill what coordinators and the
// gone leave, so that neither a large cluster drives out the other side of a
// partition nor executors that come and go drive out those that stay.
const (
	maxPeers        = 64
	maxCoordinators = 16
	maxGone         = 32
)

// update takes in who is alive now and reports whether something else is
// remembered than before.
func (p *peers) update(alive []peer) bool {
	before := p.all()
	now := make(map[netip.AddrPort]peer, len(alive))
	for _, a := range alive {
		now[a.address] = a
	}
	var still, left []peer
	for _, a := range p.alive {
		if next, ok := now[a.address]; ok {
			still = append(still, next)
			delete(now, a.address)
		} else {
			left = append(left, a)
		}
	}
	for _, a := range alive {
		if next, ok := now[a.address]; ok {
			still = append(still, next)
			delete(now, a.address) // one address may come twice
		}
	}
	p.alive = still
	p.gone = slices.DeleteFunc(append(left, p.gone...), func(g peer) bool {
		return slices.ContainsFunc(still, func(a peer) bool { return a.address == g.address })
	})
	p.trim()
	return !slices.Equal(before, p.all())
}

// trim forgets what is beyond the bounds.
func (p *peers) trim() {
	coordinators, gone := maxCoordinators, maxGone
	keep := func(q peer, others *int) bool {
		left := others
		if q.role == Coordinator {
			left = &coordinators
		}
		*left--
		return *left >= 0
	}
	everyone := len(p.alive)
	p.alive = slices.DeleteFunc(p.alive, func(a peer) bool { return !keep(a, &everyone) })
	p.gone = slices.DeleteFunc(p.gone, func(g peer) bool { return !keep(g, &gone) })
	room := maxPeers - len(p.gone)
	for _, a := range p.alive {
		if a.role == Coordinator {
			room--
		}
	}
	coordinators = maxCoordinators
	p.alive = slices.DeleteFunc(p.alive, func(a peer) bool { return !keep(a, &room) })
}

// all returns everyone that is remembered, by address.
func (p *peers) all() []peer {
	all := slices.Concat(p.alive, p.gone)
	slices.SortFunc(all, func(a, b peer) int { return a.address.Compare(b.address) })
	return all
}
