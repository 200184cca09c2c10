package main

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/coordinator"
	"github.com/sheafdata/sheaf/internal/secure"
)

func coordinatorCommand(c *console) *cobra.Command {
	var (
		o      coordinator.Config
		d      daemon
		tokens string
	)
	cmd := &cobra.Command{
		Use:   "coordinator",
		Short: "Run a cluster's coordinator",
		Long: "Run a cluster's coordinator, which takes jobs and tells executors what to run. What it decides is durable in its\n" +
			"directory before it happens: started again there, it goes on where it was.",
		Example: "  sheaf coordinator --data /var/lib/sheaf/coordinator\n" +
			"  sheaf coordinator --data DIR --listen 10.0.0.1:7440 --gossip 10.0.0.1:7441 --gossip-key gossip.key \\\n" +
			"    --tls-cert node.crt --tls-key node.key --tls-ca ca.crt --token-file tokens",
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
		o.GossipKey, o.Log, o.BuildVersion = d.gossipKey, d.log, buildVersion()
		k, err := coordinator.Start(cmd.Context(), o)
		if err != nil {
			return err
		}
		if d.log.Enabled(cmd.Context(), slog.LevelInfo) {
			c.say("coordinator of cluster %s at %s\nstart executors by: sheaf executor --dir DIR --join %s", k.ClusterID(), k.Address(), k.Address())
		}
		return d.serve(cmd.Context(), k, func(time.Duration) { k.Close() })
	})
	return cmd
}
