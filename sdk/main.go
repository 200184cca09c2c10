package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
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

// Main is the main function of a job's program: it reads the arguments from
// the command line, runs the job, shows progress and figures on standard error
// and ends the process. The exit code is 0 for success, 1 for a failed job, 2
// for wrong usage or a graph that cannot be built, and 130 when interrupted.
// --help lists the job's flags, which are the fields of A tagged flag, help,
// default and required, and the engine's, which begin with --sheaf.
func Main[A any](job *Job[A]) {
	os.Exit(mainExit(job, os.Args[1:], os.Stdout, os.Stderr))
}

// mainExit is Main with its streams; it returns the exit code.
func mainExit[A any](job *Job[A], argv []string, stdout, stderr *os.File) int {
	var a A
	engine, err := args.Parse(job.name, job.doc, &a, argv, stdout)
	if errors.Is(err, args.ErrHelp) {
		return exitOK
	}
	if err != nil {
		complain(stderr, job.name, err)
		fmt.Fprintf(stderr, "run %s --help for all flags\n", job.name)
		return exitUsage
	}
	c, err := job.compile(a)
	if err != nil {
		complain(stderr, job.name, err)
		return exitUsage
	}
	limitHeap(engine.MemoryBytes)
	// A second signal, after the job was told to stop, ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	display := progress.New(progress.Mode(engine.Progress), stderr)
	var last progress.Snapshot
	res, err := run(ctx, c, Options{
		Parallelism: engine.Parallelism, MemoryBytes: engine.MemoryBytes, Tmp: engine.Tmp, Codec: engine.Codec, Overwrite: engine.Overwrite,
		watch: func(s progress.Snapshot) {
			last = s
			if s.State == progress.Done || s.State == progress.Failed || s.State == progress.Canceled {
				display.Close(s)
				return
			}
			display.Update(s)
		},
	})
	display.Close(last)
	switch {
	case err == nil:
		summarize(stderr, job.name, res)
		return exitOK
	case fault.KindOf(err) == fault.Canceled && ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted; nothing was published and staged files are removed\n", job.name)
		return exitInterrupted
	case isPlanError(err):
		complain(stderr, job.name, err)
		return exitUsage
	}
	complain(stderr, job.name, err)
	return exitFailed
}

// complain prints an error as a user reads it: the message and, for a panic of
// user code, the user's frames.
func complain(w io.Writer, job string, err error) {
	fmt.Fprintf(w, "%s: %v\n", job, err)
	if detail := fault.Detail(err); detail != "" {
		fmt.Fprintf(w, "\n%s", detail)
	}
}

// summarize prints the figures of a run.
func summarize(w io.Writer, job string, r *Result) {
	fmt.Fprintf(w, "%s: done in %.2f s\n", job, r.Elapsed.Seconds())
	fmt.Fprintf(w, "  read      %s rows, %s\n", thousands(r.RowsIn), memory.FormatSize(r.BytesIn))
	fmt.Fprintf(w, "  wrote     %s rows, %s\n", thousands(r.RowsOut), memory.FormatSize(r.BytesOut))
	fmt.Fprintf(w, "  shuffled  %s\n", memory.FormatSize(r.ShuffleBytes))
	fmt.Fprintf(w, "  spilled   %s\n", memory.FormatSize(r.SpilledBytes))
	fmt.Fprintf(w, "  tasks     %s\n", thousands(int64(r.Tasks)))
	fmt.Fprintf(w, "  memory    %s at its peak\n", memory.FormatSize(memory.PeakRSS()))
	for _, d := range r.Destinations {
		fmt.Fprintf(w, "  output    %s\n", d)
	}
}

// thousands writes a number with its digits in groups of three.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// limitHeap makes the garbage collector keep to the budget: rarely running
// while there is room, and hard at the limit. Settings of the user's
// environment win.
func limitHeap(budget int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// gcPercent trades memory for time: most of the heap is buffers without
// pointers, so a collection is cheap but its frequency is not.
const gcPercent = 200
