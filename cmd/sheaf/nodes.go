package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/memory"
)

func nodesCommand(c *console) *cobra.Command {
	var show listing
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the executors of a cluster",
		Long: "List the executors that have joined the cluster, what they are good for, and what they do. A lost one stays in the list:\n" +
			"its work runs elsewhere, and it may come back.",
		Example: "  sheaf nodes\n" +
			"  sheaf nodes --json | jq -r 'select(.state != \"ready\") | .node'",
		Args: arguments(),
	}
	n := c.connection(cmd)
	show.flags(cmd, "names")
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) error {
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		nodes, err := api.ListNodes(cmd.Context())
		if err != nil {
			return err
		}
		return c.listNodes(nodes, show)
	})
	return cmd
}

func (c *console) listNodes(nodes []*pb.Node, show listing) error {
	t := (*table)(nil)
	if !show.json && !show.quiet {
		t = c.table("NODE", "STATE", "RUNNING", "MEMORY", "DISK FREE", "PLATFORM", "VERSION", "ADDRESS", "HEARD", "REMARK")
	}
	for _, node := range nodes {
		var err error
		switch o := nodeJSON(node); {
		case show.json:
			err = c.object(o)
		case show.quiet:
			_, err = fmt.Fprintln(c.stdout, o.Node)
		default:
			t.row(o.Node, o.State, fmt.Sprintf("%d/%d", o.Running, o.Slots), memory.FormatSize(o.MemoryBytes), memory.FormatSize(o.DiskFreeBytes),
				o.Platform, o.Version, o.DataAddress, fmt.Sprintf("%v ago", time.Duration(node.GetSilentNanos()).Round(100*time.Millisecond)), o.Reason)
		}
		if err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	return t.flush()
}
