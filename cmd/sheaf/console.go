package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// console is where a command reads and writes. It is used by one goroutine.
type console struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time // spaces lines of progress; nil for time.Now

	ran bool // the command line was understood: errors are no longer about usage
}

// run makes a subcommand's function: what fails inside it is no wrong usage.
func (c *console) run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c.ran = true
		return f(cmd, args)
	}
}

// object writes one object of NDJSON to standard output.
func (c *console) object(x any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false) // names of stages hold "→" and perhaps "<"
	return enc.Encode(x)
}

// say writes a line for people to standard error.
func (c *console) say(format string, args ...any) {
	fmt.Fprintf(c.stderr, format+"\n", args...)
}

// table writes aligned columns to standard output when it is flushed.
type table struct {
	out  io.Writer
	text bytes.Buffer
	w    *tabwriter.Writer
}

func (c *console) table(heads ...string) *table {
	t := &table{out: c.stdout}
	t.w = tabwriter.NewWriter(&t.text, 0, 0, 2, ' ', 0)
	t.row(heads...)
	return t
}

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = oneLine(cells[i])
	}
	// A buffer takes everything.
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// flush writes the table, without the spaces that fill columns at a line's end.
func (t *table) flush() error {
	t.w.Flush() // into a buffer, which takes everything
	for line := range strings.Lines(t.text.String()) {
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine makes text that somebody else wrote fit into a line of a terminal: a
// control character could move the cursor or begin another line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// arguments checks how many arguments there are, and names them.
func arguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing", names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// listing are the flags of commands that list something.
type listing struct {
	json  bool
	quiet bool
}

func (l *listing) flags(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&l.json, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVarP(&l.quiet, "quiet", "q", false, "print "+what+" alone")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
}
