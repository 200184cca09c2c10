package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/ending"
	"github.com/sheafdata/sheaf/internal/fault"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitCanceled    = 4
	exitInterrupted = 130
)

// commands makes the subcommands, in the order in which help lists them.
var commands = []func(*console) *cobra.Command{
	initCommand, planCommand, submitCommand, attachCommand,
	jobsCommand, jobCommand, logsCommand, cancelCommand,
	nodesCommand, drainCommand,
	coordinatorCommand, executorCommand, devCommand,
	versionCommand,
}

// newRoot returns the command that all others belong to.
func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "sheaf",
		Short: "Run batch jobs on a cluster",
		Long: "Sheaf runs batch jobs, which are Go programs, on a cluster. A job needs no cluster to run on one machine:\n" +
			"start its program. On a cluster, submit it.",
		Example: "  sheaf submit ./wordcount -- -input '/data/*.txt' -output /data/counts\n" +
			"  sheaf jobs\n" +
			"  sheaf logs 3f2a91c0d4e5",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.CompletionOptions.HiddenDefaultCmd = false
	for _, make := range commands {
		root.AddCommand(make(c))
	}
	root.InitDefaultCompletionCmd()
	if shells, _, err := root.Find([]string{"completion"}); err == nil {
		// Else a shell that is not there would show the help, as a success.
		shells.RunE = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unexpected argument %q: choose from bash, fish, powershell, zsh", args[0])
			}
			return errors.New("a shell is missing: choose from bash, fish, powershell, zsh")
		}
		shells.Args = nil
		shells.Example = "  source <(sheaf completion bash)\n" +
			"  sheaf completion zsh > \"${fpath[1]}/_sheaf\"\n" +
			"  sheaf completion fish > ~/.config/fish/completions/sheaf.fish"
	}
	return root
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, argv []string, c *console) int {
	root := newRoot(c)
	root.SetArgs(argv)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[exitError](err); ok {
		return int(e)
	}
	message := ending.Printable(strings.TrimRight(err.Error(), "\n"))
	fmt.Fprintf(c.stderr, "%s: %s\n", cmd.CommandPath(), message)
	if detail := fault.Detail(err); detail != "" {
		fmt.Fprintf(c.stderr, "\n%s\n", ending.Printable(strings.TrimRight(detail, "\n")))
	}
	if !c.ran {
		fmt.Fprintf(c.stderr, "%s --help shows how to use it\n", cmd.CommandPath())
		return exitUsage
	}
	return exitCode(err)
}

// exitError is the exit code of a command that has told why already.
type exitError int

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitCode returns what an error ends the process with.
func exitCode(err error) int {
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch e.Reason {
		case client.Refused:
			return exitUsage
		case client.Unreachable:
			return exitUnreachable
		case client.Interrupted:
			return exitInterrupted
		}
		return exitFailed
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case fault.KindOf(err) == fault.Invalid:
		return exitUsage
	}
	return exitFailed
}
