package schedule

import (
	"slices"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// A backup is a second attempt of a task that runs far longer than its input
// explains: the first one to finish wins, and the other is canceled. It stands
// in a task of its own, the twin, which shares nothing with the real one but its
// name, so that slots and losses are counted as always.

const (
	// backupTasks is the least size of a stage that has backups: of fewer tasks
	// nobody can say what is usual.
	backupTasks = 10
	// backupDone is the part of a stage, in quarters, that must be done.
	backupDone = 3
	// backupShare is the part of the slots (one in so many) that backups take.
	backupShare = 10
	// slowFactor times what its input explains is too long.
	slowFactor = 2
	// paces bounds the speeds that a stage remembers, the latest ones.
	paces = 64
	// paceBytes is the least input of a task for its speed: a small one is as
	// slow as its start.
	paceBytes = 1 << 20
)

// noteSpeed learns from a winner how long a stage's tasks take.
func (c *Core) noteSpeed(t *task) {
	s := t.stage
	if !c.backsUp(s) {
		return
	}
	pace := int64(c.now-t.began) * 1024 / (max(t.bytes, paceBytes) / 1024)
	if len(s.paces) < paces {
		s.paces = append(s.paces, pace)
	} else {
		s.paces[s.done%paces] = pace
	}
	if 4*(s.done+1) < backupDone*len(s.tasks) {
		return
	}
	var others []*task
	for _, other := range s.job.running {
		if other.stage == s && !other.watched {
			others = append(others, other)
		}
	}
	slices.SortFunc(others, compareTasks)
	for _, other := range others {
		c.watch(other)
	}
}

// backsUp reports whether tasks of a stage may have backups.
func (c *Core) backsUp(s *stage) bool {
	return c.cfg.BackupAfter > 0 && s.id >= 0 && len(s.tasks) > backupTasks && !s.job.drives && s.plan.Promise != plan.Indeterminate
}

// slowAt is when a running task will have taken too long, by the median speed of
// its stage.
func (c *Core) slowAt(t *task) time.Duration {
	sorted := slices.Clone(t.stage.paces)
	slices.Sort(sorted)
	usual := time.Duration(float64(sorted[len(sorted)/2]) * float64(max(t.bytes, paceBytes)) / paceBytes)
	return t.began + max(slowFactor*usual, c.cfg.BackupAfter)
}

// watch sets a timer for the moment at which a running task becomes slow.
func (c *Core) watch(t *task) {
	if t.watched || t.of != nil || t.twin != nil || t.state != running || t.void() {
		return
	}
	t.watched = true
	c.timers.push(timer{at: max(c.slowAt(t), c.now), seq: c.nextSeq(), task: t, number: t.number, backup: true})
}

// watchLate watches a task that begins, or goes on alone, when its stage is
// nearly done: no winner may follow that would.
func (c *Core) watchLate(t *task) {
	if s := t.stage; c.backsUp(s) && len(s.paces) > 0 && 4*s.done >= backupDone*len(s.tasks) {
		c.watch(t)
	}
}

// backUpSlow looks at the tasks whose timers fired in this step. What is queued
// has been assigned by then: slots that are left are nobody's.
func (c *Core) backUpSlow() {
	for _, x := range c.slow {
		if x.valid() {
			c.backUp(x.task)
		}
	}
	c.slow = nil
}

// backUp starts the backup of a slow task, or looks again later.
func (c *Core) backUp(t *task) {
	t.watched = false
	if at := c.slowAt(t); at > c.now {
		c.watch(t)
		return
	}
	e := c.spare(t)
	if e == nil {
		t.watched = true
		c.timers.push(timer{at: c.now + c.cfg.BackupAfter, seq: c.nextSeq(), task: t, number: t.number, backup: true})
		return
	}
	t.last++
	c.backups++
	t.twin = &task{stage: t.stage, index: t.index, of: t, splits: t.splits, bytes: t.bytes, number: t.last, last: t.last, epoch: t.stage.epoch, began: c.now}
	c.attach(t.twin, e)
	c.emit(Launch{Executor: e.id, Session: e.session, Assignment: c.assignment(t.twin)})
}

// spare returns an executor for a backup: with a slot that nothing else waits
// for, and where the task neither runs nor ever failed.
func (c *Core) spare(t *task) *executor {
	if t.job().full() || !t.stage.launchable() || c.backups >= max(c.slots/backupShare, 1) {
		return nil
	}
	if t.past != nil && t.past.suspect != nil {
		return nil // it takes its rows one by one, and may end its process
	}
	cutOff := c.cutOff(t)
	var best *executor
	for _, e := range c.free.items {
		switch {
		case e == t.exec && c.plant != plantBackupHere, t.past.failuresOn(e) > 0, slices.Contains(cutOff, e), best != nil && !lessLoaded(e, best):
		default:
			best = e
		}
	}
	return best
}

// overtake makes the running backup of a task the task's own attempt, and what
// was that the twin.
func (t *task) overtake() {
	w := t.twin
	t.number, w.number = w.number, t.number
	t.epoch, w.epoch = w.epoch, t.epoch
	t.exec, w.exec = w.exec, t.exec
	t.session, w.session = w.session, t.session
	t.began, w.began = w.began, t.began
	t.inJob, w.inJob = w.inJob, t.inJob
	t.inExec, w.inExec = w.inExec, t.inExec
	for _, x := range []*task{t, w} {
		x.exec.running[x.inExec], x.job().running[x.inJob] = x, x
	}
}

// replace makes the running backup of a task, whose own attempt has ended badly,
// the task's own attempt. It reports false when there is none that counts.
func (c *Core) replace(t *task) bool {
	w := t.twin
	if w == nil || w.canceled || w.void() {
		return false
	}
	t.twin, t.watched = nil, false
	t.state, t.number, t.epoch, t.exec, t.session, t.began = running, w.number, w.epoch, w.exec, w.session, w.began
	t.inJob, t.inExec = w.inJob, w.inExec
	t.exec.running[t.inExec], t.job().running[t.inJob] = t, t
	t.stage.running++
	c.backups--
	c.watchLate(t)
	return true
}

// wins reports whether a backup that has finished stands for its task.
func (t *task) wins() bool {
	return t.wanted() && !t.canceled && t.of.state == running && !t.void() && !t.of.void()
}

// cancelTwin ends the other attempt of a task that is done.
func (c *Core) cancelTwin(t *task) {
	if w := t.twin; w != nil && !w.canceled {
		w.canceled = true
		c.backups-- // it may be long in ending
		c.emit(Cancel{Executor: w.exec.id, Session: w.session, Attempt: w.attempt()})
	}
}
