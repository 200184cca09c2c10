package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/client"
)

const (
	// completeTimeout is how long somebody who pressed a key waits.
	completeTimeout = 2 * time.Second
	maxCompletions  = 50
)

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete offers what list finds at the cluster for the first argument; nothing
// where the cluster does not answer.
func (n *connection) complete(list func(context.Context, *client.Client) ([]string, error)) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		c, err := n.dial(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		found, err := list(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// jobs offers jobs, and what they are as the shell's description.
func (n *connection) completeJobs() completion {
	return n.complete(func(ctx context.Context, c *client.Client) (found []string, err error) {
		err = c.ListJobs(ctx, nil, maxCompletions, func(j *pb.JobSnapshot) error {
			found = append(found, shortID(j.GetJobId())+"\t"+oneLine(j.GetName())+", "+stateName(j.GetState()))
			return nil
		})
		return found, err
	})
}

// completeNodes offers executors.
func (n *connection) completeNodes() completion {
	return n.complete(func(ctx context.Context, c *client.Client) (found []string, err error) {
		nodes, err := c.ListNodes(ctx)
		for _, node := range nodes[:min(len(nodes), maxCompletions)] {
			found = append(found, oneLine(node.GetId())+"\t"+nodeState(node.GetState()))
		}
		return found, err
	})
}
