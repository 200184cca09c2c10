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
	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
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
	Schedule  schedule.Config   // sizes of tasks; zero values mean the defaults

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
}

const (
	// executorID and session name the one executor that a local job has.
	executorID plan.ExecutorID = "local"
	session    plan.SessionID  = 1

	watchInterval = 100 * time.Millisecond
	// cancelGrace bounds the wait for user code that ignores a cancellation.
	cancelGrace = 10 * time.Second
	// storeShare is the part of the budget in which small map outputs stay.
	storeShare = 4
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
	stages, err := createStages(g, job)
	defer closeStages(stages)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(store.Config{Dirs: o.Tmp, MemoryBytes: o.MemoryBytes / storeShare})
	if err != nil {
		return nil, err
	}
	if o.Schedule.MaxAttempts == 0 {
		// User code that fails here fails here again: there is no other machine.
		o.Schedule.MaxAttempts = 1
	}
	e := &engine{
		options: o, job: job, began: time.Now(), core: schedule.New(o.Schedule),
		runtime: &task.Runtime{
			Graph: g, Store: st, Source: st, Codec: o.Codec, Overwrite: o.Overwrite,
			MemoryBytes: (o.MemoryBytes - o.MemoryBytes/storeShare) / int64(o.Parallelism),
			Read:        o.Read, ChunkRows: o.ChunkRows,
		},
		ended:   make(chan ending, o.Parallelism),
		running: map[plan.AttemptID]*attempt{},
	}
	report, err := e.run(ctx, g.Plan)
	if len(e.running) > 0 {
		// An attempt that does not end still uses the store; it goes with the process.
		return report, err
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
			for _, made := range stages {
				err = errors.Join(err, made.Discard())
			}
			return stages, err
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

func closeStages(stages []*storage.Stage) {
	for _, s := range stages {
		s.Close()
	}
}

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
			grace = time.After(cancelGrace)
			e.step(schedule.CancelRequested{At: e.now(), Job: e.job, Reason: context.Cause(ctx).Error()})
		case <-grace:
			return nil, fault.New(fault.Canceled, "canceled, but %s did not stop within %v: user code does not return", e.stuck(), cancelGrace)
		case <-e.tick():
			e.step(schedule.Tick{At: e.now()})
		case <-watch.C:
			e.watch()
		}
	}
	e.watch()
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
			e.report = &Report{Job: e.job, Figures: a.Figures, Rows: a.Rows}
			for _, s := range p.Stages {
				e.report.Tasks += s.Tasks
			}
		case schedule.JobFailed:
			e.err = a.Failure.Err()
		}
	}
}
