package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/cmd/sheaf/internal/program"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/outline"
)

func planCommand(c *console) *cobra.Command {
	var asJSON, asDOT, asSVG bool
	cmd := &cobra.Command{
		Use:   "plan PACKAGE|BINARY [--] [ARGS]",
		Short: "Show what a job's program would do, and what is slow in it",
		Long: "Show the plan of a job's program: its stages with their operators and where these stand in the program, what moves\n" +
			"between them, what is read and written, and warnings of what is wrong or slow for sure. Inputs are listed on this\n" +
			"machine; no row is read and nothing is written. A Go package is built, as sheaf submit does. What follows are the\n" +
			"program's own arguments. Tasks are counted for as many at once as this machine has processors, or as the program's\n" +
			"--sheaf.parallelism says. docs/plans.md names the fields of the JSON.\n\n" +
			"The exit code is 0 for success, 2 for wrong usage or arguments and for a program that has no plan, 130 if interrupted.",
		Example: "  sheaf plan ./wordcount -- -input 'books/*.txt' -output counts\n" +
			"  sheaf plan --svg ./wordcount -- -input 'books/*.txt' -output counts > plan.svg\n" +
			"  sheaf plan --json ./wordcount -- -input 'books/*.txt' -output counts | jq .warnings",
		Args: programAndArguments,
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	f.BoolVar(&asDOT, "dot", false, "print the graph in the language of Graphviz")
	f.BoolVar(&asSVG, "svg", false, "print a picture for a browser")
	cmd.MarkFlagsMutuallyExclusive("json", "dot", "svg")
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		form := outline.Text
		switch {
		case asJSON:
			form = outline.JSON
		case asDOT:
			form = outline.DOT
		case asSVG:
			form = outline.SVG
		}
		err := onProgram(cmd, args, func(what string, rest []string) error { return c.showPlan(cmd.Context(), form, what, rest) })
		if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return &client.Error{Reason: client.Interrupted, Err: errors.New("interrupted")}
		}
		return err
	})
	return cmd
}

// showPlan asks a program for the outline of its plan, and prints it.
func (c *console) showPlan(ctx context.Context, form outline.Form, what string, args []string) (err error) {
	p, err := program.PrepareHere(ctx, what, c.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	o, err := p.Outline(ctx, args, c.stdout, c.stderr)
	switch {
	case errors.Is(err, program.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	text, err := o.Show(form)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.stdout, text)
	return err
}
