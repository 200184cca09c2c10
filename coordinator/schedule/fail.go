package schedule

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
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
	kind := ev.Failure.Kind
	if t.wanted() && (kind == fault.Fetch || kind == fault.Corrupt) && !c.unreadable(t, ev.Unreadable) {
		// Nothing to repair: waiting is all that may help.
		c.setBackWaiting(t, e, ev.Failure)
		return
	}
	if ev.Working != nil && c.suspected(t, ev) {
		return
	}
	c.setBack(t, e, ev.Failure)
}

// setBack decides what follows from the failure of a task's attempt on e; the
// attempt is detached.
func (c *Core) setBack(t *task, e *executor, failure fault.Report) {
	if c.noteFailure(t, e, failure) {
		c.retry(t, failure.Kind)
	}
}

// setBackWaiting is setBack with a wait whatever the kind.
func (c *Core) setBackWaiting(t *task, e *executor, failure fault.Report) {
	if c.noteFailure(t, e, failure) {
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
	t.stage.failed++
	switch {
	case j.state == Discarding:
		c.discardFailed(t, failure)
		return false
	case failure.Kind.Fatal():
		c.fail(t, failure)
		return false
	}
	p := t.history()
	p.failedOn(e)
	if failure.Kind.Charged() {
		p.alike = p.charged == 0 || p.alike && p.last.Kind == failure.Kind && p.last.Message == failure.Message
		p.last = failure
		p.charged++
		if p.charged >= c.cfg.MaxAttempts {
			c.fail(t, p.exhausted(failure))
			return false
		}
		return true
	}
	p.faults++
	if p.faults >= c.cfg.MaxFaults {
		failure.Message = fmt.Sprintf("set back %d times by faults around it, in the end: %s", p.faults, failure.Message)
		c.fail(t, failure)
		return false
	}
	return true
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
		Failure: failure, Task: t.id(), Attempts: t.number, Canceled: failure.Kind == fault.Canceled,
	})
}

// retry queues a task again, after a wait if the failure was transient.
func (c *Core) retry(t *task, kind fault.Kind) {
	if kind != fault.Transient {
		c.requeue(t)
		return
	}
	t.state = waiting
	at := c.now + c.cfg.backoff(t.id(), t.history().faults, t.number)
	c.timers.push(timer{at: at, seq: c.nextSeq(), task: t, number: t.number})
}

// unreadable gives up the named map outputs as far as they are current inputs
// of the consumer. It reports whether any name made sense: an output that was
// superseded meanwhile needs no repair, only another try.
func (c *Core) unreadable(consumer *task, names []plan.OutputID) bool {
	x := consumer.stage.input
	if x == nil {
		return false
	}
	known := false
	for _, name := range names {
		if name.Exchange != x.plan.ID || name.Attempt.Job != consumer.job().id || name.Attempt.Epoch != 0 {
			continue
		}
		t := consumer.job().find(name.Attempt.Task)
		if t == nil || t.stage.outputIndex(x) < 0 || name.Attempt.Number < 1 || name.Attempt.Number > t.number {
			continue
		}
		known = true
		if t.state == done && t.number == name.Attempt.Number && t.loseOutputs() {
			t.history().failedOn(t.exec)
			c.repair(t.stage)
		}
	}
	return known
}
