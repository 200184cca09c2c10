package coordinator

import (
	"github.com/sheafdata/sheaf/coordinator/journal"
	"github.com/sheafdata/sheaf/coordinator/peer"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

// openPeers opens the port for the other coordinators and returns those who share
// the journal; nil when this one is alone.
func (c *Coordinator) openPeers() (*journal.Peers, error) {
	if len(c.cfg.Peers) == 0 {
		return nil, nil
	}
	listener, err := c.cfg.PeerListener, error(nil)
	c.cfg.PeerListener = nil // it belongs to the port
	if listener == nil {
		address := c.cfg.PeerListen
		for _, p := range c.cfg.Peers {
			if p.Name == c.cfg.Name {
				or(&address, p.Address)
			}
		}
		if address == "" {
			return nil, fault.New(fault.Invalid, "this coordinator's name %q is none of those of its peers", c.cfg.Name)
		}
		if listener, err = secure.Listen(address); err != nil {
			return nil, err
		}
	}
	c.peers, err = peer.Open(peer.Config{
		Self: c.cfg.Name, Peers: c.cfg.Peers, Cluster: c.clusterID, Address: c.address, Listener: listener,
		Server: c.cfg.TLS, Client: c.cfg.DataTLS, Program: c.programs.Read, Copy: c.obtain, Log: c.log,
	})
	if err != nil {
		return nil, err
	}
	shared := &journal.Peers{Self: c.cfg.Name, Listener: c.peers, Dial: c.peers.Dial}
	for _, p := range c.cfg.Peers {
		shared.All = append(shared.All, p.Name)
	}
	return shared, nil
}
