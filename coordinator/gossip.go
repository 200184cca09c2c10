package coordinator

import (
	"context"
	"net"
	"time"

	"github.com/sheafdata/sheaf/internal/gossip"
	"github.com/sheafdata/sheaf/internal/plan"
)

// startGossip begins to gossip, if that is wanted.
func (c *Coordinator) startGossip(ctx context.Context) (err error) {
	if c.cfg.Gossip == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.address)
	if err != nil {
		return err
	}
	c.gossip, err = gossip.Start(ctx, gossip.Config{
		// Coordinators of a cluster differ by where they answer.
		Name: host + "-" + port, Role: gossip.Coordinator, Cluster: c.clusterID, Address: c.address,
		Listen: c.cfg.Gossip, Advertise: c.cfg.GossipAdvertise, Key: c.cfg.GossipKey, Log: c.log,
	})
	return err
}

// gossipStop bounds the wait for others to hear that this one goes.
const gossipStop = 2 * time.Second

func (c *Coordinator) stopGossip() {
	if c.gossip == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), gossipStop)
	defer cancel()
	// Others find out by themselves when they do not hear of it.
	_ = c.gossip.Leave(ctx)
	c.gossip.Close()
}

// gossipAddress is where this coordinator gossips, empty when it does not.
func (c *Coordinator) gossipAddress() string {
	if c.gossip == nil {
		return ""
	}
	return c.gossip.Address()
}

// followGossip has executors asked at once whose members gossip takes for dead.
func (c *Coordinator) followGossip() {
	if c.gossip == nil {
		return
	}
	known := map[string]bool{}
	for {
		there := map[string]bool{}
		for _, m := range c.gossip.Members() {
			if m.Role == gossip.Executor {
				there[m.Name] = true
			}
		}
		for name := range known {
			if !there[name] {
				c.suspect(plan.ExecutorID(name))
			}
		}
		known = there
		select {
		case <-c.gossip.Changed():
		case <-c.ctx.Done():
			return
		}
	}
}
