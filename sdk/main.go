package sdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// Exit codes of Main.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Main is the main function of a job's or driver's program: it reads the arguments
// from the command line, runs the job, shows progress and figures on standard error
// and ends the process. The exit code is 0 for success, 1 for a failed job, 2
// for wrong usage or a graph that cannot be built, and 130 when interrupted.
// --help lists the job's flags, which are the fields of A tagged flag, help,
// default and required, and the engine's, which begin with --sheaf. One of them,
// --sheaf.plan, shows the plan instead of running it.
//
// On a cluster Sheaf's own tools start the same program: to print its plan where
// the user submits it, as a worker that runs its tasks, and to take what it
// collects. So nothing that costs
// much, prints or may happen only once should stand before Main.
func Main(p Program) {
	mode := os.Getenv(plan.ModeVariable)
	// Not for programs that this one starts.
	os.Unsetenv(plan.ModeVariable)
	os.Exit(modes(p, mode))
}

// modes does what the mode says and returns the exit code.
func modes(p Program, mode string) int {
	switch mode {
	case "":
		return mainExit(p, os.Args[1:], os.Stdout, os.Stderr)
	case plan.ModePlan:
		return planExit(p, os.Args[1:], os.Stdout, os.Stderr)
	case plan.ModeOutline:
		return outlineExit(p, os.Args[1:], os.Stdout, os.Stderr)
	case plan.ModeRows:
		return rowsExit(p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	case plan.ModeWorker:
		return workerExit(p, os.Stderr)
	}
	(&teller{out: os.Stderr, job: p.Name()}).failed(fault.New(fault.Invalid,
		"%s=%q is not known to this program: build it with the version of Sheaf that the cluster has", plan.ModeVariable, mode))
	return exitUsage
}

// mainExit is Main with its streams; it returns the exit code.
func mainExit(p Program, argv []string, stdout, stderr *os.File) int {
	cmd, err := p.read(argv, stdout)
	if errors.Is(err, args.ErrHelp) {
		return exitOK
	}
	if err != nil {
		(&teller{out: stderr, job: p.Name()}).misused(err)
		return exitUsage
	}
	engine := cmd.engine
	c, err := cmd.compile()
	if err != nil {
		(&teller{out: stderr, job: p.Name()}).misused(err)
		return exitUsage
	}
	if engine.Plan != "" {
		return showPlan(p, c, engine, stdout, stderr)
	}
	defer runtime.KeepAlive(memory.LimitHeap(engine.MemoryBytes))
	display := progress.New(progress.Mode(engine.Progress), stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	settle := onInterrupt(ctx, func() {
		stop() // so that a second signal ends the process
		fmt.Fprintf(display.Writer(), "%s: stopping (interrupt again to end at once)\n", p.Name())
	})
	defer settle()
	say := &teller{out: stderr, job: p.Name(), json: engine.Progress == string(progress.JSON)}
	// A job that is refused before any work has no snapshot of its own.
	last := progress.Snapshot{Name: p.Name(), State: progress.Failed}
	res, err := cmd.run(ctx, c, Options{
		Parallelism: engine.Parallelism, MemoryBytes: engine.MemoryBytes, Tmp: engine.Tmp, Session: engine.Session, Codec: engine.Codec, Overwrite: engine.Overwrite,
		VerifyPerMillion: engine.VerifyPerMillion,
		watch: func(s progress.Snapshot) {
			last = s
			switch s.State {
			case progress.Done, progress.Failed, progress.Canceled:
				// Before collected rows are handed to the program, which may print them.
				settle()
				display.Close(s)
			default:
				display.Update(s)
			}
		},
	})
	settle()
	display.Close(last)
	switch {
	case err == nil:
		say.done(res)
		return exitOK
	case fault.KindOf(err) == fault.Canceled && ctx.Err() != nil:
		say.interrupted(err)
		return exitInterrupted
	}
	say.failed(err)
	return exitFailed
}
