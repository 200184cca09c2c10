package schedule

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
)

func (c *Core) failed(ev AttemptFailed) {
	e := c.alive(ev.Executor, ev.Session)
	t := c.current(e, ev.Attempt)
	if t == nil {
		return
	}
	c.detach(t)
	if c.plant == plantExtraSlot {
		e.slots++
		c.slots++
		c.freeSlots++
		c.free.fix(e.freeIndex)
	}
	if t.of != nil {
		c.backupFailed(t, e, ev)
		return
	}
	if t.wanted() && ofInput(ev.Failure.Kind) && !c.unreadable(t, e, &ev) {
		// Nothing to repair: waiting is all that may help.
		c.setBackWaiting(t, e, ev.Failure)
		return
	}
	if ev.Working != nil && c.suspected(t, ev) {
		return
	}
	c.setBack(t, e, ev.Failure)
}

// backupFailed follows up on the failure of a backup, which is detached: the
// task's own attempt goes on.
func (c *Core) backupFailed(w *task, e *executor, ev AttemptFailed) {
	t := w.of
	if w.wanted() && ofInput(ev.Failure.Kind) {
		c.unreadable(t, e, &ev)
	}
	if !w.wanted() || !w.canceled && !w.void() && t.state == running {
		c.noteBackup(t, e, ev.Failure)
	}
}

// noteBackup counts the failure of a task's backup, and looks whether the task
// needs another one.
func (c *Core) noteBackup(t *task, e *executor, failure fault.Report) {
	if c.noteFailure(t, e, failure) {
		c.watchLate(t)
	}
}

// ofInput reports whether a kind says that a map output could not be read.
func ofInput(k fault.Kind) bool {
	return k == fault.Fetch || k == fault.Corrupt || k == fault.Unreachable
}

// setBack decides what follows from the failure of a task's attempt on e; the
// attempt is detached.
func (c *Core) setBack(t *task, e *executor, failure fault.Report) {
	if c.noteFailure(t, e, failure) && !c.replace(t) {
		c.retry(t, failure.Kind)
	}
}

// setBackWaiting is setBack with a wait whatever the kind.
func (c *Core) setBackWaiting(t *task, e *executor, failure fault.Report) {
	if c.noteFailure(t, e, failure) && !c.replace(t) {
		c.retry(t, fault.Transient)
	}
}

// noteFailure counts a failure and reports whether the task shall be retried.
func (c *Core) noteFailure(t *task, e *executor, failure fault.Report) bool {
	j := t.job()
	if !t.wanted() {
		c.discardWhenQuiet(j)
		return false
	}
	if t.void() { // nobody waits for it
		return true
	}
	t.stage.failed++
	if blames(failure.Kind) && j.state != Discarding {
		c.strike(e, t)
	}
	switch {
	case j.state == Discarding:
		c.discardFailed(t, failure)
		return false
	case failure.Kind.Fatal():
		c.fail(t, failure)
		return false
	}
	p := t.history()
	pl := p.failedOn(e)
	if c.charges(failure.Kind) {
		p.alike = p.charged == 0 || p.alike && p.last.Kind == failure.Kind && p.last.Message == failure.Message
		p.last = failure
		p.charged++
		pl.doubtful = true
		if p.charged >= c.cfg.MaxAttempts {
			c.fail(t, p.exhausted(failure))
			return false
		}
		return true
	}
	p.faults++
	if failure.Kind == fault.Disk && c.noteFull(p, pl) {
		c.fail(t, p.withoutRoom(failure))
		return false
	}
	if p.faults >= c.cfg.MaxFaults {
		failure.Message = fmt.Sprintf("set back %d times by faults around it, in the end: %s", p.faults, failure.Message)
		c.fail(t, failure)
		return false
	}
	return true
}

// charges reports whether a failure of a kind counts towards a task's attempts.
func (c *Core) charges(k fault.Kind) bool {
	switch {
	case c.plant == plantChargeFetch && (k == fault.Fetch || k == fault.Unreachable), c.plant == plantChargeDisk && k == fault.Disk:
		return true
	}
	return k.Charged()
}

// exhausted words the failure of a task that used up its attempts.
func (p *past) exhausted(failure fault.Report) fault.Report {
	switch {
	case p.charged == 1:
	case p.alike:
		failure.Message = fmt.Sprintf("failed %d times, each time the same way: %s", p.charged, failure.Message)
	default:
		failure.Message = fmt.Sprintf("failed %d times, in the end: %s", p.charged, failure.Message)
	}
	return failure
}

// fail ends the job because of a task.
func (c *Core) fail(t *task, failure fault.Report) {
	// Listing inputs and publishing are one of a kind: their errors name the
	// file, and a task's name would tell a user nothing.
	if t.id().Stage >= 0 {
		failure.Message = fmt.Sprintf("task %v: %s", t.id(), failure.Message)
	}
	c.abort(t.job(), JobFailed{
		Failure: failure, Task: t.id(), Attempts: t.last, Canceled: failure.Kind == fault.Canceled,
	})
}

// retry queues a task again, after a wait if the failure was transient, or if
// there is nowhere else to go.
func (c *Core) retry(t *task, kind fault.Kind) {
	if kind != fault.Transient && (kind != fault.Disk || !c.nowhereLeft(t.history())) {
		c.requeue(t)
		return
	}
	t.state = waiting
	at := c.now + c.cfg.backoff(t.id(), t.history().faults, t.number)
	c.timers.push(timer{at: at, seq: c.nextSeq(), task: t, number: t.number})
}

// unreadable gives up the named map outputs as far as they are current inputs
// of the consumer, which ran on e. It reports whether any name made sense: an output that was
// superseded meanwhile needs no repair, only another try.
func (c *Core) unreadable(consumer *task, e *executor, ev *AttemptFailed) bool {
	known := false
	for _, name := range ev.Unreadable {
		x := consumer.stage.inputOf(name.Exchange)
		if x == nil || name.Attempt.Job != consumer.job().id {
			continue
		}
		t := consumer.job().find(name.Attempt.Task)
		if t == nil || t.stage.outputIndex(x) < 0 || name.Attempt.Number < 1 || name.Attempt.Number > t.last {
			continue
		}
		known = true
		if t.state != done || t.number != name.Attempt.Number || t.lost {
			continue
		}
		again := c.triesAgain(consumer, x, e, t, ev)
		if ev.Failure.Kind == fault.Corrupt {
			c.cameDamaged(consumer, e, t.exec, name, again, &ev.Failure)
		}
		if again {
			continue
		}
		if t.loseOutputs() {
			t.history().failedOn(t.exec)
			if ev.Failure.Kind == fault.Corrupt {
				c.strike(t.exec, t)
			}
			c.repair(t.stage)
		}
	}
	return known
}
