package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/ending"
	"github.com/sheafdata/sheaf/internal/memory"
)

func jobCommand(c *console) *cobra.Command {
	var show listing
	cmd := &cobra.Command{
		Use:   "job ID",
		Short: "Show a job with its stages",
		Long:  "Show a job with its stages. The first digits of its id are enough where they name one job.",
		Example: "  sheaf job 3f2a91c0d4e5\n" +
			"  sheaf job 3f2a --json | jq .state",
		Args: arguments("ID"),
	}
	n := c.connection(cmd)
	show.flags(cmd, "the id")
	cmd.ValidArgsFunction = n.completeJobs()
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		j, err := api.GetJob(cmd.Context(), args[0])
		switch {
		case err != nil:
			return err
		case show.json:
			return c.object(jobJSON(j))
		case show.quiet:
			_, err := fmt.Fprintln(c.stdout, j.GetJobId())
			return err
		}
		if err := c.describeJob(j); err != nil {
			return err
		}
		return c.describeStages(j.GetStages())
	})
	return cmd
}

func (c *console) describeJob(j *pb.JobSnapshot) error {
	o := jobJSON(j)
	t := c.table("job", o.Job)
	t.row("name", o.Name)
	t.row("state", o.State)
	if o.Waiting != "" {
		t.row("waiting", o.Waiting)
	}
	t.row("submitted", time.Unix(0, j.GetSubmittedUnixNanos()).Format(time.DateTime)+by(o.Owner))
	t.row("time", age(j.GetElapsedNanos()))
	if o.Priority != 0 {
		t.row("priority", fmt.Sprint(o.Priority))
	}
	if o.MaxRunning != 0 {
		t.row("at once", fmt.Sprintf("%d attempts at most", o.MaxRunning))
	}
	t.row("read", fmt.Sprintf("%s rows, %s", ending.Thousands(o.Figures.RowsIn), memory.FormatSize(o.Figures.BytesIn)))
	if o.Figures.BadRows > 0 {
		t.row("left out", ending.Thousands(o.Figures.BadRows)+" bad rows")
	}
	t.row("wrote", fmt.Sprintf("%s rows, %s", ending.Thousands(o.Figures.RowsOut), memory.FormatSize(o.Figures.BytesOut)))
	t.row("shuffled", memory.FormatSize(o.Figures.ShuffleBytes))
	t.row("spilled", memory.FormatSize(o.Figures.SpilledBytes))
	for _, n := range countersOf(j) {
		t.row("counted", ending.Thousands(n.Value)+" "+n.Name)
	}
	for _, x := range joinsOf(j) {
		t.row("joined", ending.JoinWords(x))
	}
	for i := range o.Figures.HotKeys {
		fact, advice := ending.HotKey(&o.Figures.HotKeys[i])
		t.row("hot key", fact)
		t.row("", advice)
	}
	if f := o.Failure; f != nil {
		t.row("failure", f.Message)
		if f.Task != "" {
			t.row("task", fmt.Sprintf("%s, attempts: %d", taskWords(j.GetFailure().GetTask()), f.Attempts))
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if o.Failure != nil && o.Failure.Detail != "" {
		_, err := fmt.Fprintf(c.stdout, "\n%s\n", ending.Printable(strings.TrimRight(o.Failure.Detail, "\n")))
		return err
	}
	return nil
}

func by(owner string) string {
	if owner == "" {
		return ""
	}
	return " by " + owner
}

func (c *console) describeStages(stages []*pb.StageProgress) error {
	if len(stages) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(c.stdout); err != nil {
		return err
	}
	t := c.table("STAGE", "DONE", "RUNNING", "FAILED", "ROWS", "READ", "OPERATORS")
	for _, s := range stages {
		tasks := "?"
		if s.GetKnown() {
			tasks = fmt.Sprint(s.GetTasks())
		}
		t.row(fmt.Sprint(s.GetId()), fmt.Sprintf("%d/%s", s.GetDone(), tasks), fmt.Sprint(s.GetRunning()), fmt.Sprint(s.GetFailed()),
			ending.Thousands(s.GetRows()), memory.FormatSize(s.GetBytes()), s.GetName())
	}
	return t.flush()
}
