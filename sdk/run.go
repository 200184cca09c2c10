package sdk

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/sheafdata/sheaf/executor/local"
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// Options say with what Run runs a job. The zero value of a field means its
// default.
type Options struct {
	// Parallelism is how many tasks run at once; default all cores.
	Parallelism int
	// MemoryBytes is the budget of all tasks together; default half of the
	// machine's memory or of the container's limit.
	MemoryBytes int64
	// Tmp are the directories for spilled and shuffled rows; default os.TempDir.
	Tmp []string
	// Session is the directory for what a driver keeps between its jobs; default
	// the first of Tmp.
	Session string
	// Codec compresses these: none, s2, zstd, zstd-1, zstd-3 or zstd-7; default s2.
	Codec string
	// Overwrite replaces destinations that exist, atomically, instead of refusing.
	Overwrite bool
	// VerifyPerMillion is how many of a million tasks do their work twice, to see
	// whether it gives the same rows; other rows are an error. Default none.
	VerifyPerMillion int

	watch func(progress.Snapshot)
}

// Result says what a job did.
type Result struct {
	Job          string // its id
	RowsIn       int64  // rows read from sources
	BytesIn      int64  // bytes read from sources
	RowsOut      int64  // rows written to destinations
	BytesOut     int64  // bytes written to destinations
	ShuffleBytes int64  // bytes moved between stages, compressed
	SpilledBytes int64  // bytes written to disk because the budget was used up
	BadRows      int64  // of RowsIn, those that MaxBadRows left out
	Tasks        int
	Elapsed      time.Duration
	Destinations []string         // directories published
	Jobs         int              // that a driver ran; 0 for a job
	Counters     map[string]int64 // what NewCounter's counters counted; nil for none
	HotKeys      []HotKey         // that gave one task far more than its share; the heaviest first

	// Joins are those that could run in two forms, with the form in which they did
	// and the size of the right side by which it was chosen. A driver has none.
	Joins []JoinForm

	returned map[string]any
}

// JoinForm says in which form a join ran.
type JoinForm = plan.Join

// Run runs a job in this process and returns when it has ended. When ctx is
// canceled, the job stops and nothing is published. Several jobs may run at
// once; each has its own budget.
func Run[A any](ctx context.Context, job *Job[A], args A, opts ...Options) (*Result, error) {
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	if err := afterMain(job.name); err != nil {
		return nil, err
	}
	c, err := job.compile(args)
	if err != nil {
		return nil, err
	}
	return runLocally(ctx, c, o)
}

// afterMain refuses to run a job in a program that a tool of Sheaf has started for
// something else, before Main has taken note of that: the job would run wherever
// the program is asked for its plan, or is a worker.
func afterMain(name string) error {
	if mode := os.Getenv(plan.ModeVariable); mode != "" {
		return fault.New(fault.Invalid, "job %s runs before sdk.Main, in a program that was started with %s=%s and has no job to run: call sdk.Main first, or drive several jobs by sdk.Drive",
			name, plan.ModeVariable, mode)
	}
	return nil
}

// runLocally runs a compiled job in this process.
func runLocally(ctx context.Context, c *compiled, o Options) (*Result, error) {
	lo, err := o.local()
	if err != nil {
		return nil, err
	}
	return runWith(ctx, c, lo)
}

// runWith is runLocally with the engine's own options. It hands collected rows
// to the program.
func runWith(ctx context.Context, c *compiled, o local.Options) (*Result, error) {
	report, err := local.Run(ctx, c.Compiled, o)
	if err != nil {
		return nil, err
	}
	if err := handCollected(c.Compiled, report.Rows); err != nil {
		return nil, err
	}
	res := c.result(report.Job, report.Figures, report.Tasks, report.Elapsed)
	res.Joins = report.Joins
	res.HotKeys = report.HotKeys
	return res, nil
}

// result says what a run of the job did.
func (c *compiled) result(job plan.JobID, f plan.Figures, tasks int, elapsed time.Duration) *Result {
	res := &Result{
		Job: job.String(), RowsIn: f.SourceRows, BytesIn: f.SourceBytes, RowsOut: f.SinkRows, BytesOut: f.BytesOut,
		ShuffleBytes: f.ShuffleBytes, SpilledBytes: f.SpilledBytes, BadRows: f.BadRows, Tasks: tasks, Elapsed: elapsed, returned: c.returned,
	}
	res.Counters = plan.ByName(plan.Counted(c.Plan.Counters, f.Counters))
	for _, s := range c.Plan.Sinks {
		if s.Destination != "" {
			res.Destinations = append(res.Destinations, s.Destination)
		}
	}
	return res
}

// handCollected gives every Collect its rows.
func handCollected(c *graph.Compiled, rows []plan.CollectedRows) error {
	blocks := map[plan.SinkID][][]byte{}
	for _, r := range rows {
		blocks[r.Sink] = append(blocks[r.Sink], r.Blocks...)
	}
	for id, n := range c.Sinks {
		use := n.Impl.(*operator.Output).Collected
		if use == nil {
			continue
		}
		if err := use(blocks[plan.SinkID(id)]); err != nil {
			return fault.Wrap(fault.User, err)
		}
	}
	return nil
}

// local fills in defaults.
func (o Options) local() (local.Options, error) {
	if o.Parallelism <= 0 {
		o.Parallelism = runtime.GOMAXPROCS(0)
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = memory.Default()
	}
	if len(o.Tmp) == 0 {
		o.Tmp = []string{os.TempDir()}
	}
	if o.Codec == "" {
		o.Codec = block.S2.String()
	}
	codec, err := block.ParseCodec(o.Codec)
	if err != nil {
		return local.Options{}, err
	}
	return local.Options{
		Parallelism: o.Parallelism, MemoryBytes: o.MemoryBytes, Tmp: o.Tmp, Codec: codec,
		Overwrite: o.Overwrite, VerifyPerMillion: o.VerifyPerMillion, Watch: o.watch,
	}, nil
}
