// Package local is local mode: it runs one job in this process by the same
// schedule core, task runtime, store and commit that a cluster uses. Three
// things are its own: attempts run as goroutines, map outputs are opened where
// they were written, and events are kept nowhere. Run starts the goroutines of
// attempts and returns when all have ended.
package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/storage"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Options say with what means a job runs. All fields must be set but those
// that say otherwise.
type Options struct {
	Parallelism int         // attempts at once
	MemoryBytes int64       // budget of all of them and of the store
	Tmp         []string    // directories for map outputs and spill files
	Codec       block.Codec // of blocks
	Overwrite   bool        // replace existing destinations

	Read      graph.ReadOptions // bounds of batches; zero values mean the defaults
	ChunkRows int               // bound of chunks between operators; 0 means the default
	// VerifyPerMillion is how many of a million tasks do their work twice.
	VerifyPerMillion int
	Schedule         schedule.Config // sizes of tasks; zero values mean the defaults

	// Watch, when set, is called about ten times a second and once at the end,
	// by the goroutine that called Run.
	Watch func(progress.Snapshot)
}

// Report says what a job did.
type Report struct {
	Job     plan.JobID
	Figures plan.Figures
	Tasks   int // of all stages
	Elapsed time.Duration
	Rows    []plan.CollectedRows // for the sinks that collect
	Joins   []plan.Join          // that could run in two forms
	HotKeys []plan.HotKey        // that held it up
}

const (
	// executorID and session name the one executor that a local job has.
	executorID plan.ExecutorID = "local"
	session    plan.SessionID  = 1

	watchInterval = 100 * time.Millisecond
	// storeShare is the part of the budget in which small map outputs stay.
	storeShare = 4
	// splitShare is the part of a task's budget that its input may take: rows
	// in memory, with what sorting them needs, are larger than their bytes.
	splitShare = 2
	// sideShare is the part of it that the side of a join may take.
	sideShare       = 4
	leastSplitBytes = 4 << 20
)

// Run runs a compiled job. Errors have a fault kind; a canceled ctx gives kind
// Canceled after all attempts have ended and staged files are gone.
func Run(ctx context.Context, g *graph.Compiled, o Options) (*Report, error) {
	job := plan.NewJobID()
	for _, s := range g.Plan.Sinks {
		if s.Destination != "" {
			if err := storage.CheckDestination(s.Destination, o.Overwrite); err != nil {
				return nil, err
			}
		}
	}
	st, err := store.Open(store.Config{Dirs: o.Tmp, MemoryBytes: o.MemoryBytes / storeShare})
	if err != nil {
		return nil, err
	}
	stages, err := createStages(g, job)
	defer closeStages(stages)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if o.Schedule.MaxAttempts == 0 {
		// User code that fails here fails here again: there is no other machine.
		o.Schedule.MaxAttempts = 1
	}
	if o.Schedule.MaxFullDisks == 0 {
		o.Schedule.MaxFullDisks = 1 // nor are there other disks
	}
	tasks := o.MemoryBytes - o.MemoryBytes/storeShare
	if o.Schedule.SideBytes == 0 {
		o.Schedule.SideBytes = tasks / int64(o.Parallelism) / sideShare
	}
	if o.Schedule.SplitBytes == 0 {
		// What fits the memory of its task is sorted there and written once.
		o.Schedule.SplitBytes = min(max(tasks/int64(o.Parallelism)/splitShare, leastSplitBytes), schedule.DefaultSplitBytes)
	}
	each := tasks / int64(o.Parallelism)
	began := time.Now()
	e := &engine{
		options: o, job: job, began: began, core: schedule.New(o.Schedule),
		runtime: &task.Runtime{
			Graph: g, Store: st, Source: st, Codec: o.Codec, Overwrite: o.Overwrite, Time: began.Round(0).UTC(), Shared: operator.NewHoldings(g.Shared),
			Memory: memory.NewBudget(tasks), MemoryBytes: each,
			Large: task.NewGate(o.MemoryBytes, each),
			Read:  o.Read, ChunkRows: o.ChunkRows, VerifyPerMillion: o.VerifyPerMillion,
		},
		ended:   make(chan ending, o.Parallelism),
		running: map[plan.AttemptID]*attempt{},
	}
	report, err := e.run(ctx, g.Plan)
	if err != nil {
		// The core discards only what attempts may have written, and nothing
		// while one of them is stuck in user code. When that returns, it finds
		// that neither its store nor its stage takes anything any more.
		err = errors.Join(err, discardStages(stages))
	}
	if len(e.running) == 0 { // what is stuck may use them
		err = errors.Join(err, e.runtime.CloseShared(stopGrace))
	}
	return report, errors.Join(err, st.Close())
}

// createStages makes the staging directory of every destination.
func createStages(g *graph.Compiled, job plan.JobID) ([]*storage.Stage, error) {
	var stages []*storage.Stage
	for _, s := range g.Plan.Sinks {
		if s.Destination == "" {
			continue
		}
		stage, err := storage.CreateStage(s.Destination, job)
		if err != nil {
			return stages, errors.Join(err, discardStages(stages))
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

// discardStages deletes what is staged. It is no error when that is gone already.
func discardStages(stages []*storage.Stage) error {
	var errs []error
	for _, s := range stages {
		errs = append(errs, s.Discard())
	}
	return errors.Join(errs...)
}

func closeStages(stages []*storage.Stage) {
	for _, s := range stages {
		s.Close()
	}
}

// stopGrace bounds the wait for user code that ignores that its job is over.
var stopGrace = 10 * time.Second

// ErrStuck says that user code went on after its job was canceled or had
// failed: its goroutine is left behind.
var ErrStuck = errors.New("user code does not stop")

// engine drives the core: one goroutine owns all of it but the attempts.
type engine struct {
	options Options
	job     plan.JobID
	began   time.Time
	core    *schedule.Core
	runtime *task.Runtime
	ended   chan ending
	running map[plan.AttemptID]*attempt

	// collected is the size of the rows on their way to the driver.
	collected int64

	// failure is what made the job fail, while attempts of it still run.
	failure *fault.Report

	report *Report
	err    error
}

// now is monotonic time since the job began.
func (e *engine) now() time.Duration { return time.Since(e.began) }

func (e *engine) run(ctx context.Context, p plan.Plan) (*Report, error) {
	e.step(schedule.ExecutorJoined{At: e.now(), Executor: executorID, Session: session, Slots: e.options.Parallelism})
	e.step(schedule.JobSubmitted{At: e.now(), Job: e.job, Plan: p})
	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	canceled := ctx.Done()
	var grace <-chan time.Time
	for e.report == nil && e.err == nil || len(e.running) > 0 {
		select {
		case end := <-e.ended:
			e.attemptEnded(end)
		case <-canceled:
			canceled = nil
			e.step(schedule.CancelRequested{At: e.now(), Job: e.job, Reason: context.Cause(ctx).Error()})
		case <-grace:
			return nil, e.leave()
		case <-e.tick():
			e.step(schedule.Tick{At: e.now()})
		case <-watch.C:
			e.watch()
		}
		// Not while the job publishes: then it is our own code that runs, and
		// whether there is an output must be known at the end.
		if grace == nil && e.ending() {
			grace = time.After(stopGrace)
		}
	}
	e.watch()
	if e.err != nil && fault.KindOf(e.err) == fault.Canceled && ctx.Err() != nil {
		// Across the core errors are plain data; here the cause itself is at hand.
		return nil, &fault.Error{Kind: fault.Canceled, Detail: fault.Detail(e.err), Err: fmt.Errorf("canceled: %w", context.Cause(ctx))}
	}
	if e.err != nil {
		return nil, e.err
	}
	e.report.Elapsed = e.now()
	return e.report, nil
}

// tick fires when the core has something to do by time.
func (e *engine) tick() <-chan time.Time {
	at, ok := e.core.NextTick()
	if !ok {
		return nil
	}
	return time.After(max(at-e.now(), 0))
}

// ending reports whether the job waits for attempts that it has canceled.
func (e *engine) ending() bool {
	p, ok := e.core.Progress(e.job)
	return ok && p.State == schedule.Ending
}

// leave ends a job whose attempts do not end.
func (e *engine) leave() error {
	stuck := fmt.Errorf("%w: %s did not return within %v", ErrStuck, e.stuck(), stopGrace)
	if e.failure == nil {
		return fault.New(fault.Canceled, "%w", stuck)
	}
	return &fault.Error{Kind: e.failure.Kind, Detail: e.failure.Detail, Err: fmt.Errorf("%s; %w", e.failure.Message, stuck)}
}

// stuck names the tasks that run still.
func (e *engine) stuck() string {
	for id := range e.running {
		if more := len(e.running) - 1; more > 0 {
			return fmt.Sprintf("task %v and %d more", id.Task, more)
		}
		return fmt.Sprintf("task %v", id.Task)
	}
	return "a task"
}

// step applies an event and performs the actions that follow.
func (e *engine) step(ev schedule.Event) {
	for _, a := range e.core.Step(ev) {
		switch a := a.(type) {
		case schedule.Launch:
			e.launch(a.Assignment)
		case schedule.Cancel:
			if at := e.running[a.Attempt]; at != nil {
				at.cancel()
			}
		case schedule.Release:
			for _, id := range a.Attempts {
				e.runtime.Store.DropAttempt(id)
			}
		case schedule.ReleaseJob:
			e.runtime.Store.DropJob(a.Job)
		case schedule.JobDone:
			p, _ := e.core.Progress(e.job)
			e.report = &Report{Job: e.job, Figures: a.Figures, Rows: a.Rows, Joins: p.Joins, HotKeys: p.HotKeys}
			for _, s := range p.Stages {
				e.report.Tasks += s.Tasks
			}
		case schedule.JobFailed:
			e.err = a.Failure.Err()
		}
	}
}
