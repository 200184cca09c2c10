// Command bench measures the workloads that the project has goals for: whole
// cold processes, each against its reference, in interleaved runs, with equal
// outputs. It prints a table in Markdown; docs/performance.md says how to read
// it.
//
//	go run ./bench            # full size: half an hour on two cores
//	go run ./bench -quick     # two minutes, for a first look
//	go run ./bench -only sort -profiles build/profiles
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// quickSize and quickRuns make a run of two minutes on two cores that have
// nothing else to do.
const (
	quickSize = 1.0 / 8
	quickRuns = 2
	fullRuns  = 5
)

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = run(ctx, o)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted; programs are stopped, outputs removed")
		os.Exit(exitInterrupted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitFailed)
	}
}

// options are the command line.
type options struct {
	size     float64
	runs     int
	only     *regexp.Regexp
	out      string
	profiles string
	peers    bool
}

func parse(argv []string) (options, error) {
	var o options
	var quick bool
	var only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Float64Var(&o.size, "size", 1, "how large the data is, as a part of full size: 512 MiB of text, 5 M rows to sort, 10 M rows of CSV")
	f.IntVar(&o.runs, "runs", fullRuns, "runs of each program")
	f.BoolVar(&quick, "quick", false, fmt.Sprintf("a first look in two minutes: -size %g -runs %d", quickSize, quickRuns))
	f.StringVar(&only, "only", "", "run the workloads that this regular expression finds")
	f.StringVar(&o.out, "out", "", "write the report to this file too")
	f.StringVar(&o.profiles, "profiles", "", "then run each job once more and write profiles of it to this directory")
	f.BoolVar(&o.peers, "peers", false, "measure DuckDB, Polars and Spark too, in a Python environment under build/")
	if err := f.Parse(argv); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if quick && !given["size"] {
		o.size = quickSize
	}
	if quick && !given["runs"] {
		o.runs = quickRuns
	}
	var err error
	o.only, err = regexp.Compile(only)
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("argument %q: there are only flags, see -help", f.Arg(0))
	case err != nil:
		return o, fmt.Errorf("-only: %w", err)
	case !(o.size >= 1e-4 && o.size <= 100): // so that NaN is refused too
		return o, fmt.Errorf("-size is %g: it must be from 0.0001 to 100", o.size)
	case o.runs < 1:
		return o, fmt.Errorf("-runs is %d: it must be 1 or more", o.runs)
	}
	return o, nil
}
