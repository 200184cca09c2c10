package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sheafdata/sheaf/coordinator/journal"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	// maxInputs bounds what waits for the loop; who gives more waits too.
	maxInputs = 1 << 10
	// maxLarge bounds those among them that hold more than largeBytes.
	maxLarge   = 4
	largeBytes = 1 << 20
	// batchInputs and batchBytes bound what goes into one entry of the journal.
	batchInputs = 1 << 10
	batchBytes  = 4 << 20
)

// loop is one term of leadership: one goroutine owns all of it. It takes what has
// come in, appends it to the journal as one entry, which applies it, and performs
// what follows.
type loop struct {
	cfg     Config
	log     *slog.Logger
	journal *journal.Journal
	machine *machine
	term    uint64
	cluster string

	inputs chan input
	large  chan struct{} // a token for each large input that waits
	done   chan struct{} // closed when the term is over

	began time.Time
	base  time.Duration // of events at began
	last  time.Time     // when the loop worked last

	batch      []proposal
	batchBytes int

	sessions map[plan.ExecutorID]*session
	joining  map[plan.ExecutorID]bool // their event is in the batch
	keys     map[requestKey]*underway // their job is in the batch
	// submitting is how many jobs are in the batch.
	submitting int
	progress   map[plan.JobID]map[plan.AttemptID]wire.AttemptProgress
	asked      map[plan.JobID]asked // who waits for jobs of drivers
	beginning  map[plan.JobID]bool  // jobs of drivers whose event is in the batch
}

// input is something that the loop does between two entries of the journal.
type input func(*loop)

// proposal is an event on its way into the journal.
type proposal struct {
	data []byte
	// then is called when the event is durable and applied, before the actions
	// that follow from it are performed, or with the error that kept it out.
	then func(err error)
}

func newLoop(c *Coordinator, term uint64) *loop {
	l := &loop{
		cfg: c.cfg, log: c.log, journal: c.journal, machine: c.machine, term: term, cluster: c.clusterID,
		inputs: make(chan input, maxInputs), large: make(chan struct{}, maxLarge), done: make(chan struct{}), began: time.Now(),
		sessions: map[plan.ExecutorID]*session{}, joining: map[plan.ExecutorID]bool{}, keys: map[requestKey]*underway{},
		progress: map[plan.JobID]map[plan.AttemptID]wire.AttemptProgress{},
		asked:    map[plan.JobID]asked{}, beginning: map[plan.JobID]bool{},
	}
	l.machine.mu.Lock()
	defer l.machine.mu.Unlock()
	l.base = l.machine.at
	for _, s := range l.machine.core.Sessions() {
		l.addSession(s.Executor, s.Session, l.began.Add(max(c.cfg.ReattachGrace, c.cfg.LeaseTTL)))
	}
	l.endOrphans()
	return l
}

// now is the time of an event: it goes on where the journal is.
func (l *loop) now() time.Duration { return l.base + time.Since(l.began) }

// errStepDown says that another coordinator leads.
var errStepDown = fault.New(fault.Transient, "this coordinator does not lead any more")

// run works until ctx ends, the leadership is lost, which is no error, or the
// journal cannot go on.
func (l *loop) run(ctx context.Context, lost <-chan struct{}) error {
	defer l.finish()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var first input
		select {
		case first = <-l.inputs:
		case <-timer.C:
		case <-lost:
			return nil
		case <-l.journal.Failed():
			return fault.New(fault.Resource, "the journal could not be written: what is on disk is read again by the next start")
		case <-ctx.Done():
			return nil
		}
		wait, err := l.turn(ctx, first)
		switch {
		case errors.Is(err, journal.ErrNotLeading):
			return nil
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		timer.Reset(wait)
	}
}

// turn handles what is there and returns how long to wait for more.
func (l *loop) turn(ctx context.Context, first input) (time.Duration, error) {
	m := l.machine
	m.mu.Lock()
	defer m.mu.Unlock()
	if first != nil {
		first(l)
	}
	l.drainInputs()
	l.expireLeases()
	l.forgetOld()
	l.tick()
	if err := l.commit(ctx); err != nil {
		return 0, err
	}
	wait := l.cfg.LeaseTTL / 10
	if at, ok := m.core.NextTick(); ok {
		wait = min(wait, max(at-l.now(), time.Millisecond))
	}
	if len(l.batch) > 0 {
		wait = 0
	}
	return wait, nil
}

// drainInputs takes what is there, up to a batch.
func (l *loop) drainInputs() {
	for range batchInputs {
		if l.batchBytes > batchBytes {
			return
		}
		select {
		case in := <-l.inputs:
			in(l)
		default:
			return
		}
	}
}

// tick tells the scheduler the time when it waits for it.
func (l *loop) tick() {
	if at, ok := l.machine.core.NextTick(); ok && at <= l.now() && len(l.batch) == 0 {
		l.propose(record.Record{Event: schedule.Tick{At: l.now()}}, nil)
	}
}

// propose puts an event into the next entry of the journal.
func (l *loop) propose(r record.Record, then func(err error)) {
	if then == nil {
		then = func(error) {}
	}
	r.UnixNanos = time.Now().UnixNano()
	data, err := record.Encode(r)
	if err == nil && len(data) > journal.MaxRecordBytes {
		err = fault.New(fault.Invalid, "%s of %d bytes: the journal takes at most %d", record.Name(r.Event), len(data), journal.MaxRecordBytes)
	}
	if err != nil {
		then(err)
		return
	}
	l.batch = append(l.batch, proposal{data: data, then: then})
	l.batchBytes += len(data)
}

// commit makes the batch durable and performs what follows. The state belongs to
// the journal meanwhile.
func (l *loop) commit(ctx context.Context) error {
	if len(l.batch) == 0 {
		return nil
	}
	batch := l.batch
	l.batch, l.batchBytes = nil, 0
	clear(l.joining)
	clear(l.keys)
	l.submitting = 0
	records := make([][]byte, len(batch))
	for i, p := range batch {
		records[i] = p.data
	}
	l.machine.mu.Unlock()
	results, err := l.journal.Append(ctx, records...)
	l.machine.mu.Lock()
	if err == nil {
		err = l.machine.err
	}
	if err != nil {
		for _, p := range batch {
			p.then(errStepDown)
		}
		return err
	}
	if err := failpoint.Hit(failpoint.ActionsBegin); err != nil {
		return err
	}
	for i, p := range batch {
		actions, ok := results[i].([]schedule.Action)
		if !ok {
			return fmt.Errorf("the journal's machine gave %T", results[i])
		}
		p.then(nil)
		for _, a := range actions {
			l.perform(a)
			if err := failpoint.Hit(failpoint.ActionsBetween); err != nil {
				return err
			}
		}
	}
	return nil
}

// perform does what the scheduler wants done.
func (l *loop) perform(a schedule.Action) {
	switch a := a.(type) {
	case schedule.Launch:
		if s := l.session(a.Executor, a.Session); s != nil {
			l.launch(s, a.Assignment)
		}
	case schedule.Cancel:
		if s := l.session(a.Executor, a.Session); s != nil {
			s.command(cancelCommand(a.Attempt))
		}
		if j := l.machine.jobs[a.Attempt.Job]; j != nil && j.drives {
			l.endSteps(j)
		}
	case schedule.Release:
		if s := l.session(a.Executor, a.Session); s != nil {
			s.command(releaseCommand(a.Attempts))
		}
	case schedule.ReleaseJob:
		if s := l.session(a.Executor, a.Session); s != nil {
			l.releaseJob(s, a.Job)
		}
	case schedule.SetAside:
		l.log.Warn("executor set aside: attempts of several tasks in a row failed there", "executor", a.Executor, "failures", a.Failures, "dur", a.Until-l.now())
	case schedule.Reinstated:
		l.log.Info("executor takes attempts again", "executor", a.Executor)
	case schedule.Damaged:
		blame := fmt.Sprintf("network between %s and %s", a.Reader, a.Holder)
		if a.Disk {
			blame = "disk of " + string(a.Holder)
		}
		l.log.Warn("damaged bytes of a map output came to a reader",
			"job", a.Output.Attempt.Job.Short(), "output", a.Output.String(), "executor", a.Holder, "blame", blame)
	case schedule.RolledBack:
		l.log.Warn("a repeated task gave other rows, and what had read the first ones is done again",
			"job", a.Job.Short(), "task", a.Because.String(), "stage", int(a.Stage), "tasks", a.Tasks)
	case schedule.JobDone:
		delete(l.progress, a.Job)
		l.log.Info("job done", "job", a.Job.Short(), "rows", a.Figures.RowsOut)
		l.stepEnded(a.Job)
	case schedule.JobFailed:
		delete(l.progress, a.Job)
		l.log.Info("job ended without output", "job", a.Job.Short(), "kind", a.Failure.Kind, "err", a.Failure.Message)
		l.stepEnded(a.Job)
	}
}

// forgetOld drops the jobs that ended first when more are kept than should be.
func (l *loop) forgetOld() {
	m := l.machine
	bytes := m.finishedBytes
	for i, j := range m.finished {
		left := len(m.finished) - i
		if left <= l.cfg.Limits.FinishedJobs && bytes <= l.cfg.Limits.FinishedBytes || i >= batchInputs {
			return
		}
		bytes -= j.bytes
		l.propose(record.Record{Event: schedule.JobForgotten{At: l.now(), Job: j.id}}, nil)
	}
}

// finish ends the term: streams end, and who waits learns it.
func (l *loop) finish() {
	close(l.done)
	l.machine.mu.Lock()
	defer l.machine.mu.Unlock()
	for _, s := range l.sessions {
		s.detach(s.stream, errStepDown)
	}
	for _, p := range l.batch {
		p.then(errStepDown)
	}
}

// give hands something to the loop; it waits while too much waits already.
func (l *loop) give(ctx context.Context, in input) error {
	select {
	case l.inputs <- in:
		return nil
	case <-l.done:
		return errStepDown
	case <-ctx.Done():
		return ctx.Err()
	}
}

// giveSized is give for an input that holds so many bytes.
func (l *loop) giveSized(ctx context.Context, in input, bytes int) error {
	if bytes <= largeBytes {
		return l.give(ctx, in)
	}
	select {
	case l.large <- struct{}{}:
	case <-l.done:
		return errStepDown
	case <-ctx.Done():
		return ctx.Err()
	}
	err := l.give(ctx, func(l *loop) {
		<-l.large
		in(l)
	})
	if err != nil {
		<-l.large // nobody else gives the token back
	}
	return err
}

// ask lets the loop do something and waits for its answer, which the loop may
// give later.
func ask[T any](ctx context.Context, l *loop, do func(l *loop, answer func(T, error))) (T, error) {
	type reply struct {
		value T
		err   error
	}
	replies := make(chan reply, 1)
	var none T
	err := l.give(ctx, func(l *loop) {
		do(l, func(v T, err error) {
			select {
			case replies <- reply{v, err}:
			default: // answered already
			}
		})
	})
	if err != nil {
		return none, err
	}
	select {
	case r := <-replies:
		return r.value, r.err
	case <-l.done:
		// The loop may have answered last of all.
		select {
		case r := <-replies:
			return r.value, r.err
		default:
			return none, errStepDown
		}
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
