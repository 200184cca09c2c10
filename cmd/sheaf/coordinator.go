package main

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/coordinator"
	"github.com/sheafdata/sheaf/coordinator/peer"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

func coordinatorCommand(c *console) *cobra.Command {
	var (
		o      coordinator.Config
		d      daemon
		tokens string
		peers  string
	)
	cmd := &cobra.Command{
		Use:   "coordinator",
		Short: "Run a cluster's coordinator",
		Long: "Run a cluster's coordinator, which takes jobs and tells executors what to run. What it decides is durable in its\n" +
			"directory before it happens: started again there, it goes on where it was.\n\n" +
			"Three coordinators, each with a directory and a machine of its own, go on when any one of them is lost: one leads, the\n" +
			"others follow it and answer who asks with its address. Clients and executors are given the addresses of all three.",
		Example: "  sheaf coordinator --data /var/lib/sheaf/coordinator\n" +
			"  sheaf coordinator --data DIR --listen 10.0.0.1:7440 --gossip 10.0.0.1:7441 --gossip-key gossip.key \\\n" +
			"    --tls-cert node.crt --tls-key node.key --tls-ca ca.crt --token-file tokens\n" +
			"  sheaf coordinator --data DIR --name a --peers a=127.0.0.1:7450,b=127.0.0.1:7451,c=127.0.0.1:7452 \\\n" +
			"    --cluster-id 5f0c7a31d2e84b96a0f3c1d85e7b2a49",
		Args: arguments(),
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "data", "", "`directory` for the journal and the programs (required)")
	f.StringVar(&o.ClusterID, "cluster-id", "", "`id` of the cluster that a new directory begins, 32 hexadecimal digits, which certificates\nof executors name (else drawn)")
	f.StringVar(&o.Address, "listen", defaultCluster, "`address` for clients and executors")
	f.StringVar(&o.Advertise, "advertise", "", "`address` that others are told, where they reach it by another")
	f.StringVar(&o.Gossip, "gossip", defaultGossip, "`address` for gossip, by which executors and coordinators find each other")
	f.StringVar(&o.GossipAdvertise, "gossip-advertise", "", "`address` for gossip that others are told")
	f.StringVar(&tokens, "token-file", "", "`file` with the tokens of clients: lines of a name, a role (read, submit, admin)\nand a token; required off loopback")
	f.StringVar(&peers, "peers", "", "names and addresses of three coordinators that share the journal, this one among them, as\n`NAME=HOST:PORT,...`: the ports are for themselves alone; needs --name, and --cluster-id where the\ndirectory is new")
	f.StringVar(&o.Name, "name", "", "`name` of this coordinator among --peers, for good")
	f.StringVar(&o.PeerListen, "peer-listen", "", "`address` to listen on for the other coordinators (else its own of --peers)")
	d.flags(c, cmd)
	must(cmd.MarkFlagRequired("data"))
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) error {
		if err := d.read(); err != nil {
			return err
		}
		if d.certificates.Given() {
			var err error
			if o.TLS, err = d.certificates.Server(); err != nil {
				return err
			}
			if o.DataTLS, err = d.certificates.Client(); err != nil {
				return err
			}
		}
		if tokens != "" {
			var err error
			if o.Tokens, err = secure.ReadTokens(tokens); err != nil {
				return err
			}
		}
		var err error
		if o.Peers, err = peersOf(peers, o.Name, o.PeerListen); err != nil {
			return err
		}
		o.GossipKey, o.Log, o.BuildVersion = d.gossipKey, d.log, buildVersion()
		k, err := coordinator.Start(cmd.Context(), o)
		if err != nil {
			return err
		}
		if d.log.Enabled(cmd.Context(), slog.LevelInfo) {
			c.say("coordinator of cluster %s at %s\nstart executors by: sheaf executor --dir DIR --join %s", k.ClusterID(), k.Address(), join(k, o.Peers))
		}
		return d.serve(cmd.Context(), k, func(time.Duration) { k.Close() })
	})
	return cmd
}

// join is what executors are given to find the cluster.
func join(k *coordinator.Coordinator, peers []peer.Peer) string {
	if len(peers) == 0 {
		return k.Address()
	}
	return "ADDRESSES (this one and those of the other coordinators, with commas between them)"
}

// peersOf reads the flags that say with whom a coordinator shares its journal.
func peersOf(text, name, listen string) ([]peer.Peer, error) {
	if text == "" {
		if name != "" || listen != "" {
			return nil, fault.New(fault.Invalid, "--name and --peer-listen are for one of three coordinators: give --peers too, or leave them out")
		}
		return nil, nil
	}
	all, err := peer.Parse(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--peers: %w", err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if name == "" {
		return nil, fault.New(fault.Invalid, "--peers names several coordinators: say by --name which of them this one is: %s", strings.Join(names, ", "))
	}
	if !slices.Contains(names, name) {
		return nil, fault.New(fault.Invalid, "--name %s: --peers does not name it: choose from %s, or name it there", name, strings.Join(names, ", "))
	}
	return all, nil
}
