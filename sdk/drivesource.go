package sdk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/executor/program"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
)

// compileDrive makes the job that a driver is on a cluster: a source of no rows
// whose reading is the driving.
func compileDrive(name, text string, at graph.Position, jobs map[string]Runnable, drive func(*Session) error) (*compiled, error) {
	p := &Pipeline{graph: &graph.Graph{Name: name}}
	typ := rowType[int64](p, at)
	src := driveSource{name: name, jobs: jobs, drive: drive, schema: typ.Schema()}
	out := operator.Collect(typ, func([]int64) error { return nil })
	out.Collected = nil // nobody waits for rows
	from := p.graph.Add(&graph.Node{
		Role: graph.Input, Op: "Drive", Detail: src.Name(), At: at, Type: typ, Drives: true,
		Impl: &operator.Input{Source: src, Edge: operator.EdgeOf[int64](typ)},
	})
	p.graph.Add(&graph.Node{Role: graph.Output, Op: "Drive", At: at, Inputs: []*graph.Node{from}, Impl: out})
	c, err := graph.Compile(p.graph, text)
	if err != nil {
		return nil, err
	}
	return &compiled{Compiled: c}, nil
}

type driveSource struct {
	name   string
	jobs   map[string]Runnable
	drive  func(*Session) error
	schema *arrow.Schema
}

// Name implements graph.Source. Two processes must agree on it, so on the jobs.
func (d driveSource) Name() string {
	return d.name + " of " + strings.Join(slices.Sorted(maps.Keys(d.jobs)), ", ")
}

// Schema implements graph.Source.
func (d driveSource) Schema() *arrow.Schema { return d.schema }

// Enumerate implements graph.Source.
func (d driveSource) Enumerate(context.Context) ([]Split, error) { return []Split{{Length: 1}}, nil }

// Open implements graph.Source.
func (d driveSource) Open(ctx context.Context, _ Split, _ ReadOptions) (BatchReader, error) {
	return &driveReader{source: d, ctx: ctx}, nil
}

// driveReader drives when it is read.
type driveReader struct {
	source driveSource
	ctx    context.Context
}

// Next implements graph.BatchReader.
func (r *driveReader) Next() (arrow.Record, error) {
	if err := r.run(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

func (r *driveReader) run() error {
	host := program.HostOf(r.ctx)
	if host == nil {
		return fault.New(fault.Internal, "driver %s runs outside of a worker", r.source.name)
	}
	s := &Session{ctx: r.ctx, name: r.source.name, dir: host.Directory(), jobs: r.source.jobs, run: runOn(host)}
	if s.dir != "" {
		// Not with those above it: where they are missing, this machine does not
		// share them.
		err := os.Mkdir(s.dir, 0o700)
		if errors.Is(err, fs.ErrExist) { // by an attempt before; no link, which would lead elsewhere
			if info, look := os.Lstat(s.dir); look != nil || info.IsDir() {
				err = look
			}
		}
		if err != nil {
			return fault.New(fault.Invalid, "driver %s cannot keep datasets: --sheaf.session must name a directory that this executor reaches and may write to: %w", r.source.name, err)
		}
	}
	defer s.over.Store(true)
	err := r.source.drive(s)
	if err == nil {
		err = s.err
	}
	// What is kept stays: another attempt may need it. It goes with the job.
	return err
}

// runOn runs the jobs of a session on a cluster.
func runOn(host program.Host) runner {
	return func(ctx context.Context, step int, c *compiled) (*Result, error) {
		ran, err := host.RunJob(ctx, step, c.Compiled)
		if err != nil {
			return nil, err
		}
		if err := handCollected(c.Compiled, ran.Rows); err != nil {
			return nil, err
		}
		res := c.result(ran.Job, ran.Figures, ran.Tasks, ran.Elapsed)
		res.HotKeys = ran.HotKeys
		return res, nil
	}
}

// BytesRead implements graph.BatchReader.
func (r *driveReader) BytesRead() int64 { return 0 }

// Where implements graph.BatchReader.
func (r *driveReader) Where(int) string { return "driver " + r.source.name }

// Close implements graph.BatchReader.
func (r *driveReader) Close() error { return nil }
