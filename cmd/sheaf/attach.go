package main

import (
	"github.com/spf13/cobra"
)

func attachCommand(c *console) *cobra.Command {
	var view watching
	cmd := &cobra.Command{
		Use:   "attach ID",
		Short: "Follow a job to its end",
		Long: "Follow a job to its end, and end with its exit code: 0 for success, 1 for failure, 4 if it was canceled.\n" +
			"Interrupted (Ctrl-C), it leaves the job alone. A job that is over ends the same way again.",
		Example: "  sheaf attach 3f2a91c0d4e5\n" +
			"  sheaf attach 3f2a91c0d4e5 --json | jq -c 'select(.event == \"progress\") | .stages'",
		Args: arguments("ID"),
	}
	n := c.connection(cmd)
	view.flags(cmd)
	cmd.ValidArgsFunction = n.completeJobs()
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		if err := view.check(); err != nil {
			return err
		}
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		j, err := api.GetJob(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		f := &follower{console: c, connection: n, client: api, view: view, job: j.GetJobId(), name: oneLine(j.GetName())}
		return f.follow(cmd.Context())
	})
	return cmd
}
