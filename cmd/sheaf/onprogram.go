package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/cmd/sheaf/internal/program"
	"github.com/sheafdata/sheaf/internal/fault"
)

// programAndArguments checks the command line of a command that starts a job's
// program: all that follows the program belongs to it.
func programAndArguments(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("PACKAGE or BINARY is missing")
	}
	return nil
}

// onProgram calls do with the program and its own arguments. Where the program
// refuses these, it says which of them the command would have taken.
func onProgram(cmd *cobra.Command, args []string, do func(what string, rest []string) error) error {
	rest := args[1:]
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	err := do(args[0], rest)
	if own := misplaced(cmd, rest); len(own) > 0 && errors.Is(err, program.ErrArguments) {
		return fault.New(fault.Invalid, "%w: flags of %s itself (%s) stand before the program", err, cmd.CommandPath(), strings.Join(own, ", "))
	}
	return err
}

// misplaced returns which of a program's arguments look like flags of a command.
func misplaced(cmd *cobra.Command, args []string) (own []string) {
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		long, isLong := strings.CutPrefix(name, "--")
		short, isShort := strings.CutPrefix(name, "-")
		switch {
		case isLong && cmd.Flags().Lookup(long) != nil, isShort && len(short) == 1 && cmd.Flags().ShorthandLookup(short) != nil:
			own = append(own, name)
		}
	}
	return own
}
