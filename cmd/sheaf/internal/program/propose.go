package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	// planTimeout ends a program that does not answer: a build function adds
	// operators and reads nothing.
	planTimeout = time.Minute
	// maxProposal bounds what a program prints as its plan.
	maxProposal = wire.MaxFrameBytes
)

// ErrHelp says that the program printed its help text instead of a plan, because
// its arguments asked for that.
var ErrHelp = errors.New("help was asked for")

// ErrArguments says that the program refused its arguments or could not build
// its graph, and has said why on stderr.
var ErrArguments = errors.New("the program refused its arguments")

// advice says what a program needs to have a plan.
const advice = "its main function must call sdk.Main, with nothing before it that prints, and be built with a version of Sheaf that knows clusters"

// Propose starts the program on this machine, with the user's arguments, and
// asks for its plan. What the program says goes to stderr, its help text to
// stdout.
func (p *Program) Propose(ctx context.Context, args []string, stdout, stderr io.Writer) (*plan.Proposal, error) {
	text, err := p.ask(ctx, plan.ModePlan, args, stderr)
	if err != nil {
		return nil, err
	}
	return read(text, args, stdout)
}

// Outline is Propose for the outline of the plan.
func (p *Program) Outline(ctx context.Context, args []string, stdout, stderr io.Writer) (*outline.Outline, error) {
	text, err := p.ask(ctx, plan.ModeOutline, args, stderr)
	if err != nil {
		return nil, err
	}
	o, err := outline.Read(text)
	switch {
	case err == nil:
		return o, nil
	case o == nil && asksForHelp(args):
		return nil, help(text, stdout)
	case o != nil && o.Version > outline.Version:
		return nil, fault.New(fault.Invalid, "the program prints plans of version %d and this command reads version %d: build both with one version of Sheaf", o.Version, outline.Version)
	}
	return nil, fault.New(fault.Invalid, "the program printed no plan: %s", advice)
}

// help prints what the program printed instead of a plan.
func help(text []byte, stdout io.Writer) error {
	if _, err := stdout.Write(text); err != nil {
		return fmt.Errorf("print the help text: %w", err)
	}
	return ErrHelp
}

// ask starts the program in a mode in which it prints a document.
func (p *Program) ask(ctx context.Context, mode string, args []string, stderr io.Writer) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, planTimeout,
		fault.New(fault.Invalid, "the program did not print its plan within %v: does something run before sdk.Main, or in its build function?", planTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.native, args...)
	cmd.Env = environment(mode)
	var said limited
	cmd.Stdout, cmd.Stderr = &said, stderr
	gentle(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case said.full: // whatever the program made of its closed pipe
		return nil, fault.New(fault.Invalid, "the program printed more than %d bytes instead of its plan: does something print before sdk.Main?", maxProposal)
	case err != nil:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fault.New(fault.Invalid, "%w (%v)", ErrArguments, exit)
		}
		return nil, fault.New(fault.Invalid, "start the program to ask for its plan: %w", err)
	}
	return said.text.Bytes(), nil
}

// read reads what the program printed.
func read(text []byte, args []string, stdout io.Writer) (*plan.Proposal, error) {
	var p plan.Proposal
	err := json.Unmarshal(text, &p)
	if err != nil && asksForHelp(args) {
		return nil, help(text, stdout)
	}
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "the program printed no plan: %s", advice)
	case p.Version == 0 || len(p.Plan.Stages) == 0:
		return nil, fault.New(fault.Invalid, "what the program printed is no plan: %s", advice)
	case p.Version != plan.ProposalVersion:
		return nil, fault.New(fault.Invalid, "the program prints plans of version %d (built with Sheaf %s) and this command reads version %d: build both with one version of Sheaf",
			p.Version, p.BuildVersion, plan.ProposalVersion)
	}
	return &p, nil
}

func asksForHelp(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-") && slices.Contains([]string{"h", "help"}, strings.TrimLeft(a, "-"))
	})
}

// errTooLong ends a program that prints too much.
var errTooLong = errors.New("too long")

// limited keeps what a program prints. Its buffer is no embedded field: io.Copy
// would find the buffer's ReadFrom, which has no bound.
type limited struct {
	text bytes.Buffer
	full bool
}

func (l *limited) Write(b []byte) (int, error) {
	if l.text.Len()+len(b) > maxProposal {
		l.full = true
		return 0, errTooLong
	}
	return l.text.Write(b)
}

// environment is that of the user's program: this one's, without the token by
// which the user is known to the cluster.
func environment(mode string) []string {
	env := []string{plan.ModeVariable + "=" + mode}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SHEAF_TOKEN=") {
			env = append(env, v)
		}
	}
	return env
}
