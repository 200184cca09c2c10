package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// outlineExit prints the outline of a job's plan for the command line, which
// shows it.
func outlineExit(prog Program, argv []string, stdout, stderr io.Writer) int {
	cmd, err := prog.read(argv, stdout)
	if errors.Is(err, args.ErrHelp) {
		return exitOK
	}
	var c *compiled
	if err == nil {
		c, err = cmd.compile()
	}
	if err != nil {
		(&teller{out: stderr, job: prog.Name()}).misused(err)
		return exitUsage
	}
	cmd.engine.Plan = outline.JSON
	return showPlan(prog, c, cmd.engine, stdout, stderr)
}

// showPlan prints the plan in the form that was asked for.
func showPlan(prog Program, c *compiled, engine args.Engine, stdout, stderr io.Writer) int {
	text, err := outlineOf(context.Background(), c.Compiled, engine).Show(engine.Plan)
	if err == nil {
		_, err = io.WriteString(stdout, text)
	}
	if err != nil {
		(&teller{out: stderr, job: prog.Name()}).failed(fmt.Errorf("print the plan: %w", err))
		return exitFailed
	}
	return exitOK
}

// outlineOf says of a compiled job what a person wants to know of it. It lists
// what sources hold, and reads none of it.
func outlineOf(ctx context.Context, c *graph.Compiled, engine args.Engine) *outline.Outline {
	d := &outliner{graph: c, out: &outline.Outline{
		Version: outline.Version, Job: c.Plan.Name, Arguments: json.RawMessage(c.Plan.Args), Fingerprint: c.Plan.Fingerprint, Slots: engine.Parallelism,
		Exchanges: []outline.Exchange{}, Sinks: []outline.Sink{}, Counters: append([]string{}, c.Plan.Counters...), Warnings: []outline.Warning{},
	}}
	if dir, err := os.Getwd(); err == nil {
		d.dir = dir
	}
	for id := range c.Plan.Exchanges {
		d.exchange(plan.ExchangeID(id))
	}
	for id := range c.Plan.Sinks {
		d.sink(plan.SinkID(id), engine.Overwrite)
	}
	for id := range c.Plan.Stages {
		d.stage(ctx, plan.StageID(id))
	}
	d.warnOfUnused()
	return d.out
}

// outliner makes an outline.
type outliner struct {
	graph *graph.Compiled
	out   *outline.Outline
	dir   string // the working directory
}

// at names a place in the program as a person would from where they stand.
func (d *outliner) at(n *graph.Node) string {
	if filepath.IsAbs(n.At.File) && d.dir != "" {
		if path, err := filepath.Rel(d.dir, n.At.File); err == nil && filepath.IsLocal(path) {
			return graph.Position{File: path, Line: n.At.Line}.String()
		}
	}
	return n.At.Short()
}

func (d *outliner) exchange(id plan.ExchangeID) {
	n, x := d.graph.Exchanges[id], d.graph.Plan.Exchanges[id]
	d.out.Exchanges = append(d.out.Exchanges, outline.Exchange{
		Exchange: id, Verb: n.Op, At: d.at(n), Kind: n.Kind, Key: n.Key, Buckets: x.Buckets, Combiner: n.Combines, Limit: n.Limit, From: x.Producers, To: x.Consumer,
		Side: sideOutline(x.Side),
	})
	d.warnOfExchange(n)
}

func sideOutline(s *plan.Side) *outline.Side {
	if s == nil {
		return nil
	}
	return &outline.Side{From: s.Producers, LimitBytes: s.LimitBytes, Pinned: s.Pinned}
}

func (d *outliner) sink(id plan.SinkID, overwrite bool) {
	n := d.graph.Sinks[id]
	d.out.Sinks = append(d.out.Sinks, outline.Sink{
		Sink: id, Verb: n.Op, At: d.at(n), Format: n.Detail, Destination: n.Destination, Suffix: n.Suffix,
	})
	d.warnOfSink(n, overwrite)
}

func (d *outliner) stage(ctx context.Context, id plan.StageID) {
	begin, p := d.graph.Inputs[id], d.graph.Plan.Stages[id]
	s := outline.Stage{Stage: id, Reads: p.Exchange, Writes: append([]plan.ExchangeID{}, p.Exchanges...), Sinks: append([]plan.SinkID{}, p.Sinks...)}
	for i, n := range d.graph.Operators[id] {
		s.Operators = append(s.Operators, d.operator(n, i == 0, d.graph.Operators[id]))
	}
	one := 1
	switch {
	case begin.Role == graph.Input:
		d.source(ctx, &s, begin)
	case begin.Kind == plan.Gather:
		s.Tasks = &one
	case begin.Cut.Numbered:
		s.Tasks = &begin.Cut.Partitions
	case begin.Kind == plan.Hash:
		s.MostTasks = &d.out.Exchanges[*p.Exchange].Buckets
	}
	d.out.Stages = append(d.out.Stages, s)
}

// operator describes a node of a stage, which begins it or does not.
func (d *outliner) operator(n *graph.Node, begins bool, stage []*graph.Node) outline.Operator {
	op := outline.Operator{Operator: n.ID, Verb: n.Op, At: d.at(n), Inputs: []int{}, Promise: n.Promise}
	if n.Type != nil {
		op.Gives = n.Type.String()
	}
	if n.Role == graph.Output {
		id := d.graph.SinkOf(n)
		op.Sink = &id
	}
	if begins {
		return op
	}
	if n.Role == graph.Exchange {
		id := d.graph.ExchangeOf(n)
		op.Exchange = &id
	}
	for _, in := range n.Inputs {
		for _, other := range stage {
			if in == other {
				op.Inputs = append(op.Inputs, in.ID)
			}
		}
	}
	return op
}

// source lists what a source holds, and counts its tasks.
func (d *outliner) source(ctx context.Context, s *outline.Stage, n *graph.Node) {
	src := &outline.Source{Name: n.Detail, Drives: n.Drives}
	s.Source = src
	splits, err := n.Impl.(*operator.Input).Source.Enumerate(ctx)
	if err != nil {
		src.Problem = err.Error()
		d.warn("input", n, "its input cannot be listed here: "+err.Error(), "a job that runs where the input is can read it")
		return
	}
	sorts := false
	for _, x := range s.Writes {
		sorts = sorts || d.graph.Plan.Exchanges[x].Sorts()
	}
	tasks := schedule.SourceTasks(splits, d.out.Slots, sorts, schedule.Config{})
	count, pieces := len(tasks), 0
	for _, t := range tasks {
		pieces += len(t)
	}
	s.Tasks = &count
	if n.Drives {
		return
	}
	src.Splits = &pieces
	var rows, bytes int64
	files := map[string]bool{}
	for _, split := range splits {
		if split.Path == "" {
			rows += split.Length
			continue
		}
		files[split.Path] = true
		bytes += split.Length
	}
	if src.Files = len(files); src.Files > 0 || len(splits) == 0 {
		src.Bytes = &bytes
	}
	if len(files) < len(splits) {
		src.Rows = &rows
	}
	d.warnOfFiles(n, splits, src)
}
