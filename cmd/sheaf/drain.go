package main

import (
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

func drainCommand(c *console) *cobra.Command {
	var (
		show     listing
		deadline time.Duration
		why      string
	)
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "End the use of an executor without loss of work",
		Long: "End the use of an executor without loss of work: it takes no more tasks, those under way may end, and it leaves then.\n" +
			"What it still holds is computed again elsewhere where it is needed.",
		Example: "  sheaf drain rack3-host7 --deadline 10m --reason 'new kernel'",
		Args:    arguments("NODE"),
	}
	n := c.connection(cmd)
	show.flags(cmd, "the name")
	cmd.Flags().DurationVar(&deadline, "deadline", 0, "how long its tasks may go on; 0 for the coordinator's choice")
	cmd.Flags().StringVar(&why, "reason", "", "`text` that is shown to others")
	cmd.ValidArgsFunction = n.completeNodes()
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		if deadline < 0 || deadline > 0 && deadline < time.Millisecond {
			return fault.New(fault.Invalid, "--deadline %v: give a time such as 10m", deadline)
		}
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		node, err := api.DrainNode(cmd.Context(), &pb.DrainNodeRequest{NodeId: args[0], DeadlineMillis: deadline.Milliseconds(), Reason: why})
		if err != nil {
			return err
		}
		if show.json || show.quiet {
			return c.listNodes([]*pb.Node{node}, show)
		}
		c.say("executor %s is %s; tasks under way: %d", oneLine(args[0]), nodeState(node.GetState()), node.GetRunning())
		return nil
	})
	return cmd
}
