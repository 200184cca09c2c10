// Package worker is an executor's end of a worker: it starts the user's program
// as a child process that serves one job, tells it which attempts to run, and
// says how they ended, also when the process ends first. The executor daemon
// calls it; it links neither Arrow nor the task runtime.
//
// The process gets an environment made from an allow-list, a working directory
// and a session of its own, a socket to this package, and as much isolation as
// the system permits (see Probe): a PID namespace, a control group, limits. What
// it prints is kept by package logs. It ends with the daemon that started it.
//
// A Worker owns some goroutines: one is bound to the thread that started the
// process, one writes to the socket, two read what the process prints, some wait
// for what takes too long, and one reads the socket and calls Events. All have
// ended when Wait returns.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Config says what a worker works for and with. Fields must be set but those
// that say otherwise.
type Config struct {
	Program  string // path of the executable
	Job      plan.JobSpec
	Executor plan.ExecutorID
	// Dir is the worker's own directory, which the executor made: what it prints
	// stays in LogDir, everything else is removed when it has ended.
	Dir string
	// Directories are those of its workspace, absolute: store.Workspace.Dirs.
	Directories []string
	// MemoryBytes is the budget of all attempts together. LimitBytes bounds the
	// process; 0 means MemoryBytes and a quarter of it, at least 64 MiB more,
	// for what user code and the Go runtime hold outside of the budget.
	MemoryBytes int64
	LimitBytes  int64
	DiskLimited bool           // what the process writes there is lent: Events.DiskWanted
	Slots       int            // attempts at once
	DataAddress string         // where the executor serves map outputs; may be empty
	Executors   wire.Executors // where the others do; may be empty
	Log         *slog.Logger
	Events      Events

	// Environment are further variables, as NAME=value; may be empty. They must
	// hold no credential: user code reads them.
	Environment []string
	Isolation   Isolation   // what Probe found; the zero value isolates by limits alone
	Limits      Limits      // zero values mean the defaults
	Logs        logs.Limits // zero values mean the defaults
}

// Limits bound waits and what a process may use.
type Limits struct {
	Hello    time.Duration // until the process says what it speaks; default 30 s
	Ready    time.Duration // until it has built the graph; default 2 min
	Progress time.Duration // between two messages of progress; default 1 s
	// Cancel is how long an attempt may go on after Cancel before the process is
	// killed, or Quit if nothing else runs there that was not canceled; default
	// 5 min: what others have done there is lost, and this one costs only a slot.
	Cancel time.Duration
	// Stall is how long an attempt of a stage may run without reading a row or a
	// byte; then the process prints its goroutines and is killed. 0 means for ever.
	Stall time.Duration
	Quit  time.Duration // for printing goroutines, and for ending by itself; default 4 s

	Descriptors uint64 // open files; default 65,536
	Processes   int    // with threads, where a control group bounds them; default 4,096
	FileBytes   uint64 // size of a file; 0 means no bound
}

func (l Limits) orDefaults() Limits {
	l.Hello = orDefault(l.Hello, 30*time.Second)
	l.Ready = orDefault(l.Ready, 2*time.Minute)
	l.Progress = orDefault(l.Progress, time.Second)
	l.Cancel = orDefault(l.Cancel, 5*time.Minute)
	// With the way there and the kill, a canceled job is to have no process after 5 s.
	l.Quit = orDefault(l.Quit, 4*time.Second)
	l.Descriptors = orDefault(l.Descriptors, 65_536)
	l.Processes = orDefault(l.Processes, 4096)
	return l
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

const (
	// limitShare and leastHeadroom are the default of Config.LimitBytes: user
	// code and the collector's slack need memory beside the budget.
	limitShare    = 4
	leastHeadroom = 64 << 20
	// queue is how many messages may wait for a worker that does not read them:
	// many more than what its slots can cause.
	queue = 1024
)

// Events is told what happens to a worker's attempts. One goroutine calls it,
// one call after the other, and reads nothing from the worker meanwhile. No call
// follows Exited. Methods may call those of the Worker but Wait and Close.
type Events interface {
	// Ready says that the worker has built the job's graph. It may not come:
	// then Exited says why.
	Ready()
	// Progress says how far attempts are, about once a second.
	Progress(attempts []wire.AttemptProgress, memoryUsedBytes int64)
	// Finished and Failed end an attempt that was launched: exactly one of them
	// comes for each, the last before Exited. A result's map outputs lie in the
	// workspace; they bear the executor's name.
	Finished(attempt plan.AttemptID, result plan.Result)
	// working are the rows at which user code ended the process, as far as the
	// worker said which they were.
	Failed(attempt plan.AttemptID, failure fault.Report, unreadable []plan.OutputID, working *plan.RowRange)
	// RunJob asks for a job of the driver that runs in an attempt: Worker.JobEnded
	// answers.
	RunJob(m wire.RunJob)
	// DiskWanted lends room in the workspace, DiskReturned takes it back. What was lent
	// to write a map output goes with that when it is adopted.
	DiskWanted(m wire.DiskWanted) wire.DiskLent
	DiskReturned(bytes int64)
	// Exited says that the process has ended with all that it started, as far as
	// the isolation reaches. The error is nil after a Shutdown that was obeyed;
	// otherwise its kind says what to do about the job: Invalid and Internal that
	// it cannot run, Lost that the executor ended the worker, else that the
	// worker may be started again.
	Exited(err error)
}

// Worker is a process that runs attempts. It is safe for concurrent use.
type Worker struct {
	config  Config
	process *process
	log     printed
	conn    net.Conn
	out     chan wire.Message
	start   chan wire.Start // what the writer sends first
	quit    chan struct{}   // closed when the socket is of no use any more
	done    chan struct{}   // closed when Exited has returned
	others  sync.WaitGroup  // the goroutines that end before that

	mu       sync.Mutex // guards what follows
	running  map[plan.AttemptID]*attempt
	reason   *reason // why the process was killed; the first counts
	shutdown bool
	ended    bool // no attempt is taken any more
}

// attempt is one that was launched and has not ended.
type attempt struct {
	work        plan.Work
	canceled    bool
	asks        bool // its driver waits for a job
	rows, bytes int64
	moved       time.Time      // when they changed
	suspect     *plan.RowRange // up to the end of these rows it runs alone
	working     *plan.RowRange
}

// Streams are what a process prints to, in the order of its descriptors.
var Streams = [...]string{"stdout", "stderr"}

// LogDir returns where the logs are of a worker with the directory Config.Dir:
// each of Streams has one, for package logs, in a directory of its name.
func LogDir(dir string) string { return filepath.Join(dir, "log") }

// Start starts the process and returns when it runs. When ctx ends, the process
// is killed. The caller calls Wait or Close in the end. Errors are of kind
// Resource, Invalid for a program that cannot be executed here, or Transient.
func Start(ctx context.Context, c Config) (*Worker, error) {
	c.Limits = c.Limits.orDefaults()
	if c.LimitBytes <= 0 {
		c.LimitBytes = c.MemoryBytes + max(c.MemoryBytes/limitShare, leastHeadroom)
	}
	log, err := createPrinted(&c)
	if err != nil {
		return nil, err
	}
	p, err := startProcess(&c, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a worker of job %s: %w", c.Job.Job.Short(), err), log.close())
	}
	w := &Worker{
		config: c, process: p, log: log, conn: p.conn,
		out: make(chan wire.Message, queue), start: make(chan wire.Start, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
		running: map[plan.AttemptID]*attempt{},
	}
	c.Log.Info("worker started", "job", c.Job.Job, "pid", p.pid(), "isolation", p.isolation())
	w.others.Go(w.write)
	w.others.Go(w.watch)
	stop := context.AfterFunc(ctx, func() { w.kill(&reason{kind: fault.Lost, text: "the executor ended the worker"}) })
	go func() {
		defer stop()
		w.serve()
	}()
	return w, nil
}

// Pid returns the process's id, for people.
func (w *Worker) Pid() int { return w.process.pid() }

// LogDir returns where the worker's logs are, which stay, as the function LogDir
// does.
func (w *Worker) LogDir() string { return LogDir(w.config.Dir) }

// Launch runs an attempt. It may be called before Ready. An attempt that runs
// already is left alone; one that comes after the end of the worker gives an
// error of kind Lost, and no event.
func (w *Worker) Launch(a plan.Assignment) error {
	w.mu.Lock()
	if w.ended || w.shutdown {
		w.mu.Unlock()
		return fault.New(fault.Lost, "launch attempt %v: its worker ends", a.Attempt)
	}
	if w.running[a.Attempt] != nil {
		w.mu.Unlock()
		return nil
	}
	w.running[a.Attempt] = &attempt{work: a.Work, moved: time.Now(), suspect: a.Suspect}
	w.mu.Unlock()
	w.process.beginLog(a.Attempt)
	w.send(wire.Launch{Assignment: a})
	return nil
}

// Cancel stops an attempt, whose end is still reported: by itself within
// Limits.Cancel, else by the end of the process.
func (w *Worker) Cancel(id plan.AttemptID) {
	w.mu.Lock()
	at := w.running[id]
	if at == nil || at.canceled {
		w.mu.Unlock()
		return
	}
	at.canceled = true
	w.mu.Unlock()
	w.send(wire.CancelAttempt{Attempt: id})
	w.after(w.config.Limits.Cancel, func() { w.overdue(id, at, false) })
	// Where all attempts are canceled, the end of the process costs nothing.
	w.after(w.config.Limits.Quit, func() { w.overdue(id, at, true) })
}

// overdue kills the process if an attempt still runs that was canceled; with
// alone only if no other attempt would be lost by that.
func (w *Worker) overdue(id plan.AttemptID, at *attempt, alone bool) {
	w.mu.Lock()
	kill := w.running[id] == at
	for _, other := range w.running {
		kill = kill && (other.canceled || !alone)
	}
	w.mu.Unlock()
	limit := w.config.Limits.Cancel
	if alone {
		limit = w.config.Limits.Quit
	}
	if kill {
		w.kill(&reason{kind: fault.Lost, text: fmt.Sprintf("attempt %v did not stop within %v of its cancellation, so its worker was killed", id, limit)})
	}
}

// Release deletes what attempts wrote into the workspace and nobody adopted.
func (w *Worker) Release(ids []plan.AttemptID) {
	if len(ids) > 0 {
		w.send(wire.Release{Attempts: ids})
	}
}

// JobRows passes on rows of a job that a driver asked for.
func (w *Worker) JobRows(m wire.JobRows) { w.send(m) }

// JobEnded says how a job ended that a driver asked for.
func (w *Worker) JobEnded(m wire.JobEnded) {
	w.mu.Lock()
	if at := w.running[m.Attempt]; at != nil {
		at.asks, at.moved = false, time.Now()
	}
	w.mu.Unlock()
	w.send(m)
}

// SetExecutors says where executors serve map outputs.
func (w *Worker) SetExecutors(e wire.Executors) { w.send(e) }

// Shutdown ends the worker: attempts may go on for the grace and are canceled
// then. A process that has not ended soon after is killed. Shutdown does not
// wait.
func (w *Worker) Shutdown(grace time.Duration, why string) {
	w.mu.Lock()
	again := w.shutdown
	w.shutdown = true
	w.mu.Unlock()
	if again {
		return
	}
	w.send(wire.Shutdown{Grace: grace, Reason: why})
	limit := grace + w.config.Limits.Quit
	w.after(limit, func() {
		w.kill(&reason{kind: fault.Lost, text: fmt.Sprintf("the worker did not end within %v, so it was killed", limit)})
	})
}

// after calls f unless the process has ended before.
func (w *Worker) after(d time.Duration, f func()) {
	timer := time.NewTimer(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		timer.Stop()
		return
	}
	w.others.Go(func() {
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-w.process.exited:
		}
	})
}

// Kill ends the process at once, with all that it started.
func (w *Worker) Kill() {
	w.kill(&reason{kind: fault.Lost, text: "the executor ended the worker"})
}

// Wait returns when the process has ended, all events were told and no goroutine
// of the worker runs.
func (w *Worker) Wait() { <-w.done }

// Close kills the process and waits.
func (w *Worker) Close() {
	w.Kill()
	w.Wait()
}

// send queues a message. A worker that leaves too many unread is killed.
func (w *Worker) send(m wire.Message) {
	select {
	case w.out <- m:
	default:
		w.kill(&reason{kind: fault.User, text: fmt.Sprintf("the worker left %d messages unread, so it was killed", queue)})
	}
}
