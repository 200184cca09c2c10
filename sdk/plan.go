package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// planExit prints the job's plan for a submission, instead of running it.
func planExit(prog Program, argv []string, stdout, stderr io.Writer) int {
	p, err := propose(prog, argv, stdout)
	if errors.Is(err, args.ErrHelp) {
		return exitOK
	}
	if err != nil {
		(&teller{out: stderr, job: prog.Name()}).misused(err)
		return exitUsage
	}
	enc := json.NewEncoder(stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		(&teller{out: stderr, job: prog.Name()}).failed(fmt.Errorf("print the plan: %w", err))
		return exitFailed
	}
	return exitOK
}

// propose reads the command line and compiles the job.
func propose(prog Program, argv []string, stdout io.Writer) (*plan.Proposal, error) {
	cmd, err := prog.read(argv, stdout)
	if err != nil {
		return nil, err
	}
	c, err := cmd.compile()
	if err != nil {
		return nil, err
	}
	p, err := proposal(c.Compiled)
	if err != nil {
		return nil, err
	}
	return p, settle(p, cmd.engine)
}

// proposal says of a compiled job what a submission needs to know.
func proposal(c *graph.Compiled) (*plan.Proposal, error) {
	p := &plan.Proposal{
		Version: plan.ProposalVersion, BuildVersion: buildVersion(), Protocols: [2]int{wire.WorkerProtocol.Min, wire.WorkerProtocol.Max},
		Plan: c.Plan, Graph: c.Describe(), Collects: collects(c),
	}
	var err error
	if p.Directory, err = os.Getwd(); err != nil {
		return nil, fault.New(fault.Invalid, "find the working directory: %w", err)
	}
	return p, nil
}

// settle takes over the engine's flags. Those that the command line does not
// give are the cluster's to decide; what the environment says is meant for this
// machine.
func settle(p *plan.Proposal, engine args.Engine) error {
	given := func(name string) bool { return slices.Contains(engine.Given, name) }
	if given("plan") {
		return fault.New(fault.Invalid, "--sheaf.plan shows a plan, and a submission runs the job: ask \"sheaf plan\" or the program itself, or leave it out")
	}
	p.Overwrite = engine.Overwrite
	if given("codec") {
		p.Options.Codec = engine.Codec
	}
	p.Options.VerifyPerMillion = engine.VerifyPerMillion
	if given("session") {
		p.Options.SessionDirectory = engine.Session
	}
	if given("parallelism") {
		p.MaxRunning = engine.Parallelism
	}
	if given("memory") {
		// Here it is what all tasks together may use: on a cluster nobody knows
		// how many that are unless it is said.
		if !given("parallelism") {
			return fault.New(fault.Invalid, "--sheaf.memory is what all tasks together may use, and a cluster decides how many run: give --sheaf.parallelism as well, or leave it out")
		}
		p.Options.TaskMemoryBytes = engine.MemoryBytes / int64(engine.Parallelism)
	}
	for _, name := range []string{"tmp", "progress"} {
		if given(name) {
			p.Ignored = append(p.Ignored, "--sheaf."+name)
		}
	}
	return nil
}

// collects reports whether the job hands rows to the program that submits it.
func collects(c *graph.Compiled) bool {
	return slices.ContainsFunc(c.Sinks, func(n *graph.Node) bool {
		out, ok := n.Impl.(*operator.Output)
		return ok && out.Collected != nil
	})
}

// buildVersion returns the version of Sheaf in this program, empty where the
// build does not tell.
func buildVersion() string {
	const path = "github.com/sheafdata/sheaf"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Main.Path == path {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return ""
}
