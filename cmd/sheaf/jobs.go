package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

func jobsCommand(c *console) *cobra.Command {
	var (
		show   listing
		states []string
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List jobs, the newest first",
		Long: "List the jobs that the coordinator knows, the newest first: those that wait, those that run, and the last ones that ended.\n" +
			"REMARK says why a job waits, or why it ended. Jobs of a driver have its name, theirs and their number.",
		Example: "  sheaf jobs\n" +
			"  sheaf jobs --state running,queued\n" +
			"  sheaf jobs --json --limit 0 | jq -r 'select(.failure) | .failure.message'",
		Args: arguments(),
	}
	n := c.connection(cmd)
	show.flags(cmd, "ids")
	cmd.Flags().StringSliceVar(&states, "state", nil, "list jobs in these `states` alone: "+strings.Join(jobStates(), ", "))
	cmd.Flags().IntVar(&limit, "limit", 50, "the most jobs to list; 0 for all")
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) error {
		wanted, err := parseStates(states)
		if err != nil {
			return err
		}
		if limit < 0 {
			return fault.New(fault.Invalid, "--limit %d: give 0 for all, or how many", limit)
		}
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		if show.json || show.quiet {
			return api.ListJobs(cmd.Context(), wanted, limit, func(j *pb.JobSnapshot) error {
				if show.quiet {
					_, err := fmt.Fprintln(c.stdout, j.GetJobId())
					return err
				}
				return c.object(jobJSON(j))
			})
		}
		t := c.table("JOB", "NAME", "STATE", "TIME", "SUBMITTED", "OWNER", "REMARK")
		err = api.ListJobs(cmd.Context(), wanted, limit, func(j *pb.JobSnapshot) error {
			t.row(shortID(j.GetJobId()), j.GetName(), stateName(j.GetState()), age(j.GetElapsedNanos()),
				time.Unix(0, j.GetSubmittedUnixNanos()).Format(time.DateTime), j.GetOwner(), remark(j))
			return nil
		})
		if err != nil {
			return err
		}
		return t.flush()
	})
	return cmd
}

// maxRemark keeps a line of the table a line.
const maxRemark = 60

// remark says why a job waits or failed.
func remark(j *pb.JobSnapshot) string {
	text := j.GetWaiting()
	if f := j.GetFailure(); f != nil {
		text = f.GetFault().GetMessage()
	}
	if runes := []rune(text); len(runes) > maxRemark {
		return string(runes[:maxRemark-1]) + "…"
	}
	return text
}

// age writes how long something took, as short as it is of use.
func age(nanos int64) string {
	d := time.Duration(nanos)
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// jobStates lists the names of all states, in the order of their numbers.
func jobStates() []string {
	var all []string
	for i := pb.JobState_JOB_STATE_QUEUED; pb.JobState_name[int32(i)] != ""; i++ {
		all = append(all, stateName(i))
	}
	return all
}

func parseStates(names []string) ([]pb.JobState, error) {
	var states []pb.JobState
	for _, name := range names {
		i := slices.Index(jobStates(), name)
		if i < 0 {
			return nil, fault.New(fault.Invalid, "--state %s: no job is ever in it: choose from %s", name, strings.Join(jobStates(), ", "))
		}
		states = append(states, pb.JobState_JOB_STATE_QUEUED+pb.JobState(i))
	}
	return states, nil
}
