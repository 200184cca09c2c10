package schedule

import (
	"cmp"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// assign launches attempts until slots or work run out.
func (c *Core) assign() {
	c.assignDrivers()
	c.wakeParked()
	for c.free.len() > 0 && c.queue.len() > 0 {
		j := c.queue.top()
		if j.full() && c.plant != plantNoLimit {
			c.queue.remove(j.queueIndex) // detach offers it again
			continue
		}
		t := j.takeNext()
		if t == nil {
			c.queue.remove(j.queueIndex)
			continue
		}
		if e := c.choose(t); e != nil {
			c.launch(t, e)
		} else {
			c.park(t)
		}
	}
}

// takeNext takes the job's next task out of its queues, or returns nil. Work
// whose input went missing meanwhile is put aside here rather than searched
// for when that happens.
func (j *job) takeNext() *task {
	for j.ready.len() > 0 {
		t := j.ready.pop()
		if t.stage.launchable() {
			return t
		}
		t.state = blocked
		t.stage.blocked = append(t.stage.blocked, t)
	}
	for j.fresh.len() > 0 {
		s := j.fresh.top()
		if s.next == len(s.tasks) || !s.launchable() {
			j.fresh.pop()
			continue
		}
		s.next++
		return &s.tasks[s.next-1]
	}
	return nil
}

// requeue makes a task wait for a slot, or for its input first.
func (c *Core) requeue(t *task) {
	if !t.stage.launchable() {
		t.state = blocked
		t.stage.blocked = append(t.stage.blocked, t)
		return
	}
	t.state = ready
	if t.drives() {
		c.drivers = append(c.drivers, t)
		return
	}
	t.job().ready.push(t)
	c.offer(t.job())
}

// offerFresh queues a stage's fresh tasks.
func (c *Core) offerFresh(s *stage) {
	if s.job.drives {
		for ; s.next < len(s.tasks); s.next++ {
			c.requeue(&s.tasks[s.next])
		}
	}
	if s.next == len(s.tasks) || s.queued {
		return
	}
	s.job.fresh.push(s)
	c.offer(s.job)
}

func (c *Core) offer(j *job) {
	if j.queueIndex < 0 {
		c.queue.push(j)
	}
}

func (c *Core) launch(t *task, e *executor) {
	if c.plant != plantReuseNumber || t.number == 0 {
		t.last++
		t.number = t.last
	}
	t.epoch, t.began, t.watched = t.stage.epoch, c.now, false
	c.attach(t, e)
	c.emit(Launch{Executor: e.id, Session: e.session, Assignment: c.assignment(t)})
	c.watchLate(t)
}

func (c *Core) assignment(t *task) plan.Assignment {
	j, s := t.job(), t.stage
	a := plan.Assignment{Attempt: t.attempt(), Work: plan.Run}
	switch {
	case s == j.enumerate:
		a.Work = plan.Enumerate
	case s == j.publish && j.state == Publishing:
		a.Work = plan.Publish
		a.Files = j.stagedFiles()
	case s == j.publish:
		a.Work = plan.Discard
	case s.input == nil:
		a.Splits = t.splits
		if p := t.past; p != nil {
			a.Suspect, a.Deadly = p.suspect, p.deadly
		}
		j.ran = true
	default:
		part := s.parts[t.index]
		part.Outputs = s.input.allOutputs()
		if c.plant == plantDropProducer && len(s.input.producers) > 1 {
			kept := len(part.Outputs) - len(s.input.producers[len(s.input.producers)-1].tasks)
			part.Outputs = part.Outputs[:kept]
		}
		a.Partition = &part
		j.ran = true
	}
	for _, x := range s.sides {
		a.Sides = append(a.Sides, plan.Partition{Exchange: x.plan.ID, Outputs: x.allOutputs()})
		if side := &a.Sides[len(a.Sides)-1]; c.plant == plantCutSide && len(side.Outputs) > 1 {
			side.Outputs = side.Outputs[:len(side.Outputs)-1]
		}
	}
	return a
}

// stagedFiles lists the winners' files in (sink, stage, task, name) order.
func (j *job) stagedFiles() []plan.StagedFile {
	var files []plan.StagedFile
	for _, s := range j.stages {
		for i := range s.tasks {
			files = append(files, s.tasks[i].outcome.files...)
		}
	}
	slices.SortStableFunc(files, func(a, b plan.StagedFile) int {
		return cmp.Or(
			cmp.Compare(a.Sink, b.Sink),
			cmp.Compare(a.Attempt.Task.Stage, b.Attempt.Task.Stage),
			cmp.Compare(a.Attempt.Task.Index, b.Attempt.Task.Index),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return files
}

// collectedRows lists the winners' rows in (sink, stage, task) order.
func (j *job) collectedRows() []plan.CollectedRows {
	var rows []plan.CollectedRows
	for _, s := range j.stages {
		for i := range s.tasks {
			rows = append(rows, s.tasks[i].outcome.rows...)
		}
	}
	slices.SortStableFunc(rows, func(a, b plan.CollectedRows) int { return cmp.Compare(a.Sink, b.Sink) })
	return rows
}
