package main

import (
	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

func cancelCommand(c *console) *cobra.Command {
	var (
		show listing
		why  string
	)
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "End a job before it publishes anything",
		Long:  "End a job before it publishes anything. Once its output is being published it is too late.",
		Example: "  sheaf cancel 3f2a91c0d4e5 --reason 'wrong input'\n" +
			"  sheaf jobs -q --state queued | xargs -n 1 sheaf cancel",
		Args: arguments("ID"),
	}
	n := c.connection(cmd)
	cmd.Flags().StringVar(&why, "reason", "", "`text` that is shown to others")
	cmd.Flags().BoolVar(&show.json, "json", false, "print a JSON object")
	cmd.ValidArgsFunction = n.completeJobs()
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		r, err := api.CancelJob(cmd.Context(), args[0], why)
		if err != nil {
			return err
		}
		state := stateName(r.GetState())
		if show.json {
			err = c.object(struct {
				Job      string `json:"job"` // as it was given
				Canceled bool   `json:"canceled"`
				State    string `json:"state"`
			}{args[0], r.GetCanceled(), state})
			if err != nil {
				return err
			}
		}
		if !r.GetCanceled() {
			c.say("sheaf cancel: too late: job %s is %s", args[0], state)
			return exitError(exitFailed)
		}
		if !show.json {
			if r.GetState() == pb.JobState_JOB_STATE_CANCELED {
				c.say("job %s is canceled", args[0])
			} else {
				c.say("job %s is being canceled: its tasks stop", args[0])
			}
		}
		return nil
	})
	return cmd
}
