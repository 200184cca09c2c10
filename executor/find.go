package executor

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/gossip"
	"github.com/sheafdata/sheaf/internal/storage"
)

// maxCandidates bounds the addresses that are tried in turn.
const maxCandidates = 16

// find connects with a coordinator: the one that was named as the leader, those
// of the configuration, then those that gossip knows.
func (e *Executor) find(ctx context.Context, hint string) (*client.Client, error) {
	var addresses []string
	add := func(address string) {
		if address != "" && len(addresses) < maxCandidates && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	add(hint)
	for _, address := range e.cfg.Join {
		add(address)
	}
	e.mu.Lock()
	g := e.gossip
	e.mu.Unlock()
	if g != nil {
		for _, m := range g.Members() {
			if m.Role == gossip.Coordinator {
				add(m.Address)
			}
		}
	}
	return client.Dial(ctx, client.Options{Addresses: addresses, TLS: e.dialer.tls, Token: e.cfg.Token})
}

// belong checks that a coordinator is one of the executor's cluster; the first
// one decides which that is.
func (e *Executor) belong(cluster string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch e.cluster {
	case cluster:
		return nil
	case "":
		if err := storage.WriteWhole(filepath.Join(e.dir, clusterFile), []byte(cluster+"\n")); err != nil {
			return fault.Wrap(fault.Invalid, err)
		}
		e.cluster = cluster
		return nil
	}
	return fault.New(fault.Invalid, "the executor in %s belongs to cluster %s, and the coordinator to %s: give another directory, or remove this one", e.dir, e.cluster, cluster)
}

// joinGossip starts gossip with the cluster once it is known. Gossip says where
// coordinators are; without it only those of the configuration are found.
func (e *Executor) joinGossip(ctx context.Context, cluster, seed string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gossip != nil || seed == "" {
		return
	}
	g, err := gossip.Start(ctx, gossip.Config{
		Name: string(e.name), Role: gossip.Executor, Cluster: cluster, Listen: e.cfg.Gossip, Advertise: e.cfg.GossipAdvertise,
		Address: e.Address(), Key: e.cfg.GossipKey, Seeds: []string{seed},
		PeersFile: filepath.Join(e.dir, peersFile), Log: e.log,
	})
	if err != nil {
		e.log.Warn("no gossip: coordinators are found by their configured addresses alone", "err", err)
		return
	}
	e.gossip = g
}
