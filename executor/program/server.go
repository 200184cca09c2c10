package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"time"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// server is one run of Serve. The goroutine of Serve owns all of it but what
// channels carry.
type server struct {
	config  Config
	conn    io.ReadWriteCloser
	out     *wire.Writer
	in      chan received
	leaving chan struct{} // closed when no message is taken any more
	over    chan struct{} // closed when Serve returns
	start   wire.Start

	graph   *graph.Compiled
	store   *store.Store
	lender  *lender // nil where the disks are the only bound
	source  *source
	stages  stages
	runtime *task.Runtime
	floor   []byte // of the heap, see memory.LimitHeap

	running map[plan.AttemptID]*attempt
	waiting []plan.Assignment // for a slot
	ended   chan ending
	// alone is an attempt beside which no other may run, nil for none: it tries rows
	// with which a process ended. passed says that it has them behind it.
	alone  *plan.AttemptID
	passed chan plan.AttemptID
	asks   chan *ask // of drivers
	grace  <-chan time.Time
	ending bool      // a Shutdown has come
	gone   time.Time // by when the process is to be gone, once it is abandoned
}

// attempt is one attempt that runs.
type attempt struct {
	cancel context.CancelFunc
	read   shuffle.Count
	ask    *ask // what its driver waits for
}

// ending is how an attempt ended.
type ending struct {
	id     plan.AttemptID
	result plan.Result
	err    error
}

func newServer(conn io.ReadWriteCloser, c Config) *server {
	return &server{
		config: c, conn: conn, out: wire.NewWriter(conn),
		in: make(chan received), leaving: make(chan struct{}), over: make(chan struct{}),
		running: map[plan.AttemptID]*attempt{},
	}
}

// loop runs attempts to the end.
func (s *server) loop() error {
	progress := time.NewTicker(max(s.start.Progress, leastProgress))
	defer progress.Stop()
	for !s.ending || len(s.running) > 0 {
		select {
		case r := <-s.in:
			if r.err != nil {
				return errors.Join(gone(r.err), s.abandon())
			}
			if err := s.handle(r.message); err != nil {
				return errors.Join(err, s.abandon())
			}
		case e := <-s.ended:
			if err := s.report(e); err != nil {
				return errors.Join(err, s.abandon())
			}
		case id := <-s.passed:
			s.notAlone(id)
			s.fill()
		case q := <-s.asks:
			if err := s.ask(q); err != nil {
				return errors.Join(err, s.abandon())
			}
		case <-progress.C:
			if err := s.out.Write(s.progress()); err != nil {
				return errors.Join(err, s.abandon())
			}
		case <-s.grace:
			s.cancelAll()
		}
	}
	return nil
}

// leastProgress bounds how often progress is told.
const leastProgress = 10 * time.Millisecond

// handle does what a message says.
func (s *server) handle(m wire.Message) error {
	switch m := m.(type) {
	case wire.Launch:
		return s.launch(m.Assignment)
	case wire.CancelAttempt:
		return s.cancel(m.Attempt)
	case wire.Executors:
		s.source.set(m)
	case wire.JobRows:
		s.jobRows(m)
	case wire.JobEnded:
		s.jobEnded(m)
	case wire.DiskLent:
		return s.diskLent(m)
	case wire.Release:
		for _, id := range m.Attempts {
			s.drop(id)
		}
	case wire.Shutdown:
		return s.shutdown(m.Grace)
	default:
		return fault.New(fault.Internal, "the executor said %T to a worker that is ready", m)
	}
	return nil
}

// launch runs an assignment, or lets it wait for a slot.
func (s *server) launch(a plan.Assignment) error {
	switch {
	case s.ending:
		return s.report(ending{id: a.Attempt, err: fault.New(fault.Lost, "attempt %v came to a worker that ends", a.Attempt)})
	case s.running[a.Attempt] != nil:
		return fault.New(fault.Internal, "attempt %v was launched and runs", a.Attempt)
	case len(s.waiting) == 0 && s.room(&a):
		s.run(a)
	case len(s.waiting) >= maxWaiting:
		return s.report(ending{id: a.Attempt, err: fault.New(fault.Lost, "%d attempts wait for the %d slots of the worker", len(s.waiting), s.start.Slots)})
	default:
		s.waiting = append(s.waiting, a)
	}
	return nil
}

// room reports whether an assignment may run now.
func (s *server) room(a *plan.Assignment) bool {
	if a.Suspect != nil && len(s.running) > 0 {
		return false
	}
	return s.alone == nil && len(s.running) < max(s.start.Slots, 1)
}

// fill runs what waits, as far as there is room, in its order: one that is to run
// alone gets its turn.
func (s *server) fill() {
	for len(s.waiting) > 0 && s.room(&s.waiting[0]) {
		s.run(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}

// run runs an assignment in a goroutine of its own.
func (s *server) run(a plan.Assignment) {
	if a.Suspect != nil {
		s.alone = &a.Attempt
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), hostKey{}, Host(&host{s, a.Attempt})))
	at := &attempt{cancel: cancel}
	s.running[a.Attempt] = at
	task.Start(func() (plan.Result, error) {
		pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels(plan.AttemptLabel, a.Attempt.String())))
		result, err := s.attempt(ctx, &a, &at.read)
		if err != nil && ctx.Err() != nil {
			// User code has its own words for that, and fails for having been stopped.
			err = &fault.Error{Kind: fault.Canceled, Detail: fault.Detail(err), Err: err}
		}
		return result, err
	}, func(result plan.Result, err error) {
		cancel()
		select {
		case s.ended <- ending{a.Attempt, result, err}:
		case <-s.over:
		}
	})
}

// attempt runs an assignment after what the job needs before its first rows.
func (s *server) attempt(ctx context.Context, a *plan.Assignment, read *shuffle.Count) (plan.Result, error) {
	if err := s.stages.before(a, s.graph.Plan.Sinks, s.start.Job.Overwrite); err != nil {
		return plan.Result{}, err
	}
	result, err := s.runtime.Run(ctx, a, read)
	if err == nil && (a.Work == plan.Publish || a.Work == plan.Discard) {
		err = s.endSession()
	}
	return result, err
}

// report tells how an attempt ended, and fills its slot.
func (s *server) report(e ending) error {
	delete(s.running, e.id)
	s.notAlone(e.id)
	err := s.tell(e)
	if err == nil {
		s.fill()
	}
	return err
}

// notAlone lets others run beside an attempt.
func (s *server) notAlone(id plan.AttemptID) {
	if s.alone != nil && *s.alone == id {
		s.alone = nil
	}
}

// mark tells the executor on which rows an attempt works from now on: it knows
// them then when the process ends. It is called by the attempt's goroutine.
func (s *server) mark(a *plan.Assignment, rows plan.RowRange) error {
	if a.Suspect != nil && rows.Rows > 0 && rows.Behind(*a.Suspect) {
		select {
		case s.passed <- a.Attempt:
		case <-s.over:
		}
	}
	return s.out.Write(wire.Progress{Attempts: []wire.AttemptProgress{{Attempt: a.Attempt, Working: &rows}}})
}

func (s *server) tell(e ending) error {
	if e.err == nil {
		err := tooLong(&e.result)
		if err == nil {
			err = failpoint.Hit(failpoint.AttemptDone)
		}
		if err == nil {
			err = s.out.Write(wire.Finished{Attempt: e.id, Result: e.result})
		}
		if fault.KindOf(err) != fault.Invalid {
			if err == nil {
				err = failpoint.Hit(failpoint.AttemptTold)
			}
			// They are the executor's from here on.
			for _, out := range e.result.Outputs {
				s.store.Forget(out.ID)
			}
			return err
		}
		// The result is too large to be told, or names files in bytes that are no text.
		s.drop(e.id)
		e.err = fault.New(fault.Invalid, "the result of the attempt cannot be sent: %w", err)
	}
	return s.out.Write(wire.Failed{Attempt: e.id, Failure: fault.ReportOf(e.err), Unreadable: shuffle.Unreadable(e.err)})
}

// tooLong refuses lists that the executor would refuse.
func tooLong(r *plan.Result) error {
	for _, list := range []struct {
		of string
		n  int
	}{{"inputs", len(r.Splits)}, {"map outputs", len(r.Outputs)}, {"files", len(r.Files)}} {
		if list.n > wire.MaxElements {
			return fault.New(fault.Invalid, "it lists %d %s, at most %d go into one job: read fewer at once, or larger ones", list.n, list.of, wire.MaxElements)
		}
	}
	return nil
}

// drop deletes what an attempt wrote. What cannot be deleted goes with the
// workspace.
func (s *server) drop(id plan.AttemptID) { _ = s.store.DropAttempt(id) }

// cancel stops an attempt, which still reports its end.
func (s *server) cancel(id plan.AttemptID) error {
	if at := s.running[id]; at != nil {
		at.cancel()
		return nil
	}
	for i, a := range s.waiting {
		if a.Attempt == id {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			return s.report(ending{id: id, err: fault.New(fault.Canceled, "attempt %v was canceled before it began", id)})
		}
	}
	return nil // it has ended meanwhile
}

// progress says how far the attempts are.
func (s *server) progress() wire.Progress {
	p := wire.Progress{MemoryUsedBytes: s.runtime.Memory.Used()}
	for id, at := range s.running {
		p.Attempts = append(p.Attempts, wire.AttemptProgress{Attempt: id, Rows: at.read.Rows.Load(), Bytes: at.read.Bytes.Load()})
	}
	return p
}

// shutdown takes no more attempts and ends those that run after the grace.
func (s *server) shutdown(grace time.Duration) error {
	if s.ending {
		return nil
	}
	s.ending = true
	left := s.waiting
	s.waiting = nil
	for _, a := range left {
		if err := s.report(ending{id: a.Attempt, err: fault.New(fault.Lost, "attempt %v waited in a worker that ends", a.Attempt)}); err != nil {
			return err
		}
	}
	if grace <= 0 {
		s.cancelAll()
		return nil
	}
	s.grace = time.After(grace)
	return nil
}

func (s *server) cancelAll() {
	for _, at := range s.running {
		at.cancel()
	}
}

// abandon ends attempts that nobody waits for, so that they clear up.
func (s *server) abandon() error {
	close(s.leaving)
	s.cancelAll()
	s.gone = time.Now().Add(endLimit)
	limit := time.After(endLimit)
	for len(s.running) > 0 {
		select {
		case <-s.passed:
		case e := <-s.ended:
			delete(s.running, e.id)
		case <-limit:
			return fmt.Errorf("%d attempts did not stop within %v", len(s.running), endLimit)
		}
	}
	return nil
}

// closeLimit is how long the functions may take that close what tasks shared. An
// executor kills a worker that has not ended within 4 s.
const closeLimit = 3 * time.Second

// closeShared closes what attempts shared, unless one of them still runs.
func (s *server) closeShared() error {
	if s.runtime == nil || len(s.running) > 0 {
		return nil
	}
	limit := closeLimit
	if !s.gone.IsZero() {
		limit = max(min(limit, time.Until(s.gone)), endLimit/8)
	}
	return s.runtime.CloseShared(limit)
}

// close gives back what is held. Attempts that still run find it gone. The socket
// stays open while user code closes what it holds: an executor takes its end for
// that of the worker.
func (s *server) close() error {
	err := s.closeShared()
	close(s.over)
	s.conn.Close()
	s.stages.close()
	if s.source != nil {
		s.source.close()
	}
	if s.store != nil {
		_ = s.store.Close() // the executor removes the workspace
	}
	return err
}

// open makes the runtime.
func (s *server) open() error {
	spec := &s.start.Job
	codec, err := codecOf(spec.Options.Codec)
	if err != nil {
		return err
	}
	s.floor = memory.LimitHeap(s.start.MemoryBytes)
	disk := store.Config{Dirs: s.start.Directories, Workspace: true}
	if s.start.DiskLimited {
		s.lender = &lender{s: s, lent: make(chan wire.DiskLent, 1)}
		disk.Lender = s.lender
	}
	if s.store, err = store.Open(disk); err != nil {
		return err
	}
	if s.source, err = openSource(&s.start); err != nil {
		return err
	}
	slots := max(s.start.Slots, 1)
	attemptBytes := spec.Options.TaskMemoryBytes
	if attemptBytes <= 0 {
		attemptBytes = s.start.MemoryBytes / int64(slots)
	}
	s.stages.job = spec.Job
	s.ended, s.asks, s.passed = make(chan ending), make(chan *ask), make(chan plan.AttemptID)
	attemptBytes = min(attemptBytes, s.start.MemoryBytes)
	s.runtime = &task.Runtime{
		Graph: s.graph, Store: s.store, Source: s.source.client, SourceOf: s.source.of,
		Codec: codec, Overwrite: spec.Overwrite, Time: spec.Time(), Shared: operator.NewHoldings(s.graph.Shared),
		Memory: memory.NewBudget(s.start.MemoryBytes), MemoryBytes: attemptBytes,
		Large: task.NewGate(s.start.MemoryBytes, attemptBytes),
		Read: graph.ReadOptions{
			BatchRows: spec.Options.BatchRows, BatchBytes: int(spec.Options.BatchBytes), MaxRowBytes: spec.Options.MaxRowBytes,
		},
		ChunkRows: spec.Options.ChunkRows, VerifyPerMillion: spec.Options.VerifyPerMillion, Mark: s.mark,
	}
	return nil
}
