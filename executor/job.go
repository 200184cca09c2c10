package executor

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// job is a job that this executor works for. It belongs to the session's
// goroutine.
type job struct {
	s    *session
	spec plan.JobSpec
	over atomic.Bool // no attempt is taken any more; set by the session's goroutine

	// A worker is started with the first attempt that waits.
	starting   bool
	stop       context.CancelFunc // of what starts or runs
	worker     *worker.Worker     // nil while none takes attempts
	ending     bool               // the worker was told to end: attempts wait for the next
	waiting    []plan.Assignment
	attempts   int       // that were launched and have not ended
	idle       time.Time // since when there are none
	memoryUsed int64
}

func newJob(s *session, spec plan.JobSpec) *job { return &job{s: s, spec: spec, idle: time.Now()} }

// launch runs an attempt as soon as there is a worker.
func (j *job) launch(a plan.Assignment) {
	j.attempts++
	if j.over.Load() {
		j.s.failed(a.Attempt, fault.Report{Kind: fault.Lost, Message: "the job is over on this executor"}, nil)
		return
	}
	if j.worker != nil && !j.ending && j.worker.Launch(a) == nil {
		return
	}
	// A worker that does not take it ends, and exited starts the next one.
	j.waiting = append(j.waiting, a)
	if j.worker == nil && !j.starting {
		j.start()
	}
}

// ended counts an attempt that has ended.
func (j *job) ended() {
	if j.attempts--; j.attempts == 0 {
		j.idle = time.Now()
	}
}

// cancel stops an attempt; its end is reported by whoever has it.
func (j *job) cancel(id plan.AttemptID) {
	for i, a := range j.waiting {
		if a.Attempt == id {
			j.waiting = append(j.waiting[:i:i], j.waiting[i+1:]...)
			j.s.failed(id, fault.Report{Kind: fault.Canceled, Message: "the attempt was canceled before it began"}, nil)
			return
		}
	}
	if j.worker != nil {
		j.worker.Cancel(id)
	}
}

// shutdown ends the worker, which has no attempts.
func (j *job) shutdown(why string) {
	if j.worker != nil && !j.ending {
		j.ending = true
		j.worker.Shutdown(0, why)
	}
}

// kill ends what runs and what waits.
func (j *job) kill() {
	j.fail(fault.Report{Kind: fault.Lost, Message: "executor " + string(j.s.e.name) + " leaves the cluster"})
	if j.worker != nil {
		j.ending = true
		j.worker.Kill()
	}
}

// fail reports the attempts that wait for a worker.
func (j *job) fail(f fault.Report) {
	waiting := j.waiting
	j.waiting = nil
	for _, a := range waiting {
		j.s.failed(a.Attempt, f, nil)
	}
}

// end ends a job: nothing of it runs or is kept afterwards but its logs.
func (j *job) end() {
	j.over.Store(true)
	j.fail(fault.Report{Kind: fault.Canceled, Message: "the job is over"})
	if j.stop != nil {
		j.stop()
	}
	// Again when the worker has ended, which may have published until then.
	j.s.sweep(func() error { return j.s.e.store.DropJob(j.spec.Job) })
}

// retire ends a job that is over everywhere, as end does. A worker without
// attempts ends by itself: it gives up what it holds beside the job's output,
// where one that is killed leaves the name of its lock.
func (j *job) retire() {
	if j.worker != nil && !j.ending && j.attempts == 0 {
		j.shutdown("the job is over")
		j.stop = nil // a worker that does not end is killed all the same
	}
	j.end()
}

// start starts a worker beside the session's goroutine: the program may have to
// be fetched first.
func (j *job) start() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(j.s.e.ctx))
	j.starting, j.ending, j.stop = true, false, cancel
	j.s.tasks.Go(func() {
		defer cancel()
		ev := &events{j: j}
		w, err := j.s.startWorker(ctx, j.spec, ev)
		if !j.s.give(func() { j.started(ev, w, err) }) && w != nil {
			w.Kill()
		}
		if w != nil {
			w.Wait()
		}
		var errs []error
		if j.over.Load() {
			errs = append(errs, j.s.e.store.DropJob(j.spec.Job))
		}
		if ev.space != nil {
			errs = append(errs, ev.space.Remove())
		}
		if err := errors.Join(errs...); err != nil {
			j.s.log.Warn("what a worker left could not be deleted", "job", j.spec.Job, "err", err)
		}
	})
}

// started gives a worker what waits for it, or says why there is none.
func (j *job) started(ev *events, w *worker.Worker, err error) {
	j.starting = false
	switch {
	case err != nil:
		if !j.over.Load() {
			j.s.log.Warn("no worker for a job", "job", j.spec.Job, "err", err)
			j.fail(fault.ReportOf(err))
		}
		return
	case j.over.Load():
		w.Kill()
		return
	case ev.exited:
		// It ended before an attempt reached it, which does not get better by
		// another one: attempts fail by that, and their retries are counted.
		if ev.err == nil {
			ev.err = fault.New(fault.Lost, "the worker ended at once")
		}
		j.fail(fault.ReportOf(ev.err))
		return
	}
	j.worker = w
	w.SetExecutors(j.s.executors()) // again: some may have joined or left while it was started
	waiting := j.waiting
	j.waiting = nil
	for i, a := range waiting {
		if w.Launch(a) != nil { // it ends, and exited comes
			j.waiting = waiting[i:]
			return
		}
	}
}

// exited goes on without a worker, or with the next one.
func (j *job) exited(ev *events, err error) {
	ev.exited, ev.err = true, err
	if j.starting {
		return // started will see to it
	}
	j.worker, j.memoryUsed = nil, 0
	switch k := fault.KindOf(err); {
	case len(j.waiting) == 0:
	case err != nil && (k == fault.Invalid || k == fault.Internal):
		j.fail(fault.ReportOf(err))
	default:
		j.start()
	}
}

// events is told what a worker does. The worker's goroutine calls it.
type events struct {
	j     *job
	space *store.Workspace

	// The session's goroutine owns these.
	exited bool
	err    error // why
}

// Ready implements worker.Events.
func (ev *events) Ready() {}

// Progress implements worker.Events.
func (ev *events) Progress(attempts []wire.AttemptProgress, memoryUsed int64) {
	s := ev.j.s
	s.give(func() {
		ev.j.memoryUsed = memoryUsed
		for _, p := range attempts {
			if at := s.running[p.Attempt]; at != nil {
				at.rows, at.bytes = p.Rows, p.Bytes
			}
		}
	})
}

// Finished implements worker.Events. Map outputs are the executor's before the
// coordinator hears of them.
func (ev *events) Finished(id plan.AttemptID, r plan.Result) {
	s := ev.j.s
	for _, out := range r.Outputs {
		if err := ev.space.Adopt(s.e.ctx, out); err != nil {
			if fault.KindOf(err) == fault.Corrupt {
				// Not an input of the attempt is damaged, but what it wrote.
				err = fault.New(fault.Lost, "%w", err)
			}
			s.sweep(func() error { return s.e.store.DropAttempt(id) })
			s.give(func() { s.failed(id, fault.ReportOf(err), nil) })
			return
		}
	}
	s.give(func() { s.finished(id, &r) })
}

// Failed implements worker.Events.
func (ev *events) Failed(id plan.AttemptID, f fault.Report, unreadable []plan.OutputID, working *plan.RowRange) {
	ev.j.s.give(func() { ev.j.s.ended(id, f, unreadable, working) })
}

// DiskWanted implements worker.Events.
func (ev *events) DiskWanted(m wire.DiskWanted) wire.DiskLent {
	lent, err := ev.space.Lend(m.NeedBytes, m.WantBytes)
	if err != nil {
		failure := fault.ReportOf(err)
		return wire.DiskLent{Failure: &failure}
	}
	return wire.DiskLent{Bytes: lent}
}

// DiskReturned implements worker.Events.
func (ev *events) DiskReturned(bytes int64) { ev.space.TakeBack(bytes) }

// Exited implements worker.Events.
func (ev *events) Exited(err error) { ev.j.s.give(func() { ev.j.exited(ev, err) }) }
