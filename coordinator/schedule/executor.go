package schedule

import (
	"slices"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// executor is an executor that joined at least once. It stays known after its
// loss: tasks remember where they failed, and it usually comes back.
type executor struct {
	id      plan.ExecutorID
	seq     int
	live    bool
	session plan.SessionID
	ended   []plan.SessionID // the last few, so that a late join does not revive one
	slots   int
	// draining says that it takes no more attempts.
	draining bool
	// low says that there is little room on its disks.
	low bool
	// strikes are failures of different tasks in a row, struck the last of them;
	// aside is until when the executor is set aside, 0 if it is not; setbacks
	// counts how often that was so since an attempt ended well there.
	strikes   int
	struck    plan.TaskID
	struckJob plan.JobID
	aside     time.Duration
	setbacks  int
	running   []*task // in no particular order
	drivers   int     // of them, those that take no slot
	// held are tasks that once published map outputs here in this session. A
	// task may stand there twice, or have moved on since.
	held      map[*job][]*task
	freeIndex int // in Core.free, or -1
}

func (e *executor) free() int { return e.slots - (len(e.running) - e.drivers) }

// usable reports whether the executor takes attempts at all.
func (e *executor) usable() bool {
	return e.live && !e.draining && !e.low && e.aside == 0 && e.slots > 0
}

// lessLoaded puts the executor with the most free slots first.
func lessLoaded(a, b *executor) bool {
	if a.free() != b.free() {
		return a.free() > b.free()
	}
	return a.seq < b.seq
}

// alive returns the executor if the session is its current one, else nil.
func (c *Core) alive(id plan.ExecutorID, session plan.SessionID) *executor {
	e := c.executors[id]
	if e == nil || !e.live || e.session != session {
		return nil
	}
	return e
}

func (c *Core) joined(ev ExecutorJoined) {
	e := c.executors[ev.Executor]
	if e == nil {
		e = &executor{id: ev.Executor, seq: c.nextSeq(), freeIndex: -1}
		c.executors[e.id] = e
		c.order = append(c.order, e)
	}
	if slices.Contains(e.ended, ev.Session) && c.plant != plantReviveSession || e.live && e.session == ev.Session {
		return
	}
	if e.live {
		c.drop(e, true)
	}
	e.live, e.draining, e.low, e.session, e.slots = true, false, ev.Low, ev.Session, max(ev.Slots, 0)
	e.held = make(map[*job][]*task)
	c.enlist(e)
}

// draining stops the use of an executor's slots. What runs there goes on.
func (c *Core) draining(ev ExecutorDraining) {
	e := c.alive(ev.Executor, ev.Session)
	if e == nil || e.draining || c.plant == plantIgnoreDrain {
		return
	}
	c.retire(e)
	e.draining = true
}

// retire takes an executor's slots out of the sums.
func (c *Core) retire(e *executor) {
	if !e.usable() {
		return
	}
	c.slots -= e.slots
	c.freeSlots -= e.free()
	c.usable--
	if e.freeIndex >= 0 {
		c.free.remove(e.freeIndex)
	}
}

func (c *Core) lost(ev ExecutorLost) {
	if e := c.alive(ev.Executor, ev.Session); e != nil {
		c.drop(e, false)
	}
}

// drop ends an executor's session: its attempts are set back and its map
// outputs are gone. It may return at once, under another session.
func (c *Core) drop(e *executor, returns bool) {
	attempts := slices.Clone(e.running)
	slices.SortFunc(attempts, compareTasks)
	for _, t := range attempts {
		c.detach(t)
	}
	c.retire(e)
	c.forgetCuts(e)
	e.live = false
	if !returns {
		c.recall() // before anything ends for want of executors
	}
	e.ended = append(e.ended, e.session)
	if len(e.ended) > pastSessions {
		e.ended = slices.Delete(e.ended, 0, 1)
	}
	if c.plant == plantForgetAttempt && len(attempts) > 0 {
		attempts = attempts[1:]
	}
	for _, t := range attempts {
		kind := fault.Lost
		if c.plant == plantChargeLoss {
			kind = fault.User
		}
		failure := fault.Report{Kind: kind, Message: "executor " + string(e.id) + " was lost"}
		switch {
		case t.of == nil:
			c.setBack(t, e, failure)
		case !t.wanted() || !t.canceled && !t.void() && t.of.state == running:
			c.noteBackup(t.of, e, failure)
		}
	}
	c.dropOutputs(e)
}

// dropOutputs marks what the executor held as lost and repairs what is needed.
func (c *Core) dropOutputs(e *executor) {
	gone := e.held
	e.held = nil
	if c.plant == plantKeepLost {
		return
	}
	for _, j := range c.live {
		var stages []*stage
		for _, t := range gone[j] {
			if t.exec == e && t.session == e.session && t.loseOutputs() && !slices.Contains(stages, t.stage) {
				stages = append(stages, t.stage)
			}
		}
		for _, s := range stages {
			c.repair(s)
		}
	}
}

// attach gives a slot of e to the task's next attempt, if that takes one.
func (c *Core) attach(t *task, e *executor) {
	j := t.job()
	t.state, t.exec, t.session = running, e, e.session
	t.inExec, t.inJob = len(e.running), len(j.running)
	e.running = append(e.running, t)
	j.running = append(j.running, t)
	if t.of == nil {
		t.stage.running++
	}
	if t.drives() {
		e.drivers++
	} else {
		c.takeSlot(e)
	}
	if j.queueIndex >= 0 {
		c.queue.fix(j.queueIndex)
	}
}

// takeSlot counts a slot of e as taken.
func (c *Core) takeSlot(e *executor) {
	c.freeSlots--
	if e.free() == 0 {
		c.free.remove(e.freeIndex)
	} else {
		c.free.fix(e.freeIndex)
	}
}

// giveSlot counts a slot of e as free again.
func (c *Core) giveSlot(e *executor) {
	if !e.usable() {
		return
	}
	c.freeSlots++
	if e.freeIndex >= 0 {
		c.free.fix(e.freeIndex)
	} else {
		c.free.push(e)
	}
}

// detach takes the slot back from a task whose attempt has ended; the caller
// gives the task its next state.
func (c *Core) detach(t *task) {
	e, j := t.exec, t.job()
	last := e.running[len(e.running)-1]
	e.running[t.inExec], last.inExec = last, t.inExec
	e.running = e.running[:len(e.running)-1]
	last = j.running[len(j.running)-1]
	j.running[t.inJob], last.inJob = last, t.inJob
	j.running = j.running[:len(j.running)-1]
	if t.of == nil {
		t.stage.running--
	} else {
		t.of.twin = nil
		if !t.canceled {
			c.backups--
		}
	}
	t.state = blocked
	if t.drives() {
		e.drivers--
	} else {
		c.giveSlot(e)
	}
	switch {
	case j.queueIndex >= 0:
		c.queue.fix(j.queueIndex)
	case j.hasWork(): // it was at its limit
		c.offer(j)
	}
}
