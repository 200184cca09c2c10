package schedule

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

type taskKey struct {
	job  plan.JobID
	task plan.TaskID
}

type stagedKey struct {
	attempt plan.AttemptID
	sink    plan.SinkID
}

// checker follows events and actions with rules of its own and says where the
// core breaks them. It never looks into the core before the end.
type checker struct {
	w        *world
	sessions map[plan.ExecutorID]plan.SessionID // live
	ended    map[plan.SessionID]bool
	slots    map[plan.ExecutorID]int
	attempts map[plan.AttemptID]*simAttempt
	running  map[plan.SessionID]map[plan.AttemptID]bool
	active   map[plan.JobID]int // running attempts
	// committed is the winner of each task; valid says that its outputs count.
	committed map[taskKey]plan.AttemptID
	valid     map[plan.AttemptID]bool
	released  map[plan.AttemptID]bool
	tasks     map[plan.JobID]map[plan.StageID]int // tasks launched, by stage
	charged   map[taskKey]int
	faults    map[taskKey]int
	fatal     map[plan.JobID]bool
	staged    map[stagedKey]sum
	rows      map[stagedKey]sum
	// quarantined are attempts that staged a file of bad rows.
	quarantined map[plan.AttemptID]bool
	canceled    map[plan.JobID]bool
	published   map[plan.JobID]bool
	ending      map[plan.JobID]bool // its attempts were canceled
	over        map[plan.JobID]bool
	draining    map[plan.SessionID]bool
	low         map[plan.SessionID]bool
	full        map[taskKey]map[plan.ExecutorID]int          // how often a task found no room there
	tried       map[taskKey]map[plan.ExecutorID]bool         // where attempts of a task began
	nowhere     map[taskKey]bool                             // it found no room, and no executor was left that it had not seen
	complained  map[plan.OutputID]map[plan.ExecutorID]int    // how often damaged bytes of an output came to whom
	corrupt     map[plan.OutputID]bool                       // outputs that are damaged on the disk
	priority    int                                          // of the last launch of this step
	cells       map[plan.OutputID][]sum                      // of every output ever written
	differed    map[jobStage]int                             // repeated tasks that gave other rows
	unreached   map[taskKey]int                              // the first attempt that could not reach its input
	aside       map[plan.ExecutorID]time.Duration            // until when no attempt goes there
	readers     map[plan.ExecutorID]map[plan.ExecutorID]bool // who could not reach whom
	doubtful    map[plan.AttemptID]bool                      // outputs that may be given up
	unsure      map[taskKey]bool                             // tasks that read such ones
	forms       map[jobExchange]Form                         // of joins, as launches show
	tally       tally
}

type jobStage struct {
	job   plan.JobID
	stage plan.StageID
}

// tally says how much a simulation had to see.
type tally struct {
	done, failed, canceled, launches, reruns, repairs, late, drivers, rollBacks, blamed, backups, overtaken, aside, bad, deaths, full, ranFull, disks, networks int
	forms                                                                                                                                                       map[Form]int // of joins
}

func (t *tally) add(o tally) {
	t.done += o.done
	t.failed += o.failed
	t.canceled += o.canceled
	t.launches += o.launches
	t.reruns += o.reruns
	t.repairs += o.repairs
	t.drivers += o.drivers
	t.bad += o.bad
	t.deaths += o.deaths
	t.late += o.late
	t.rollBacks += o.rollBacks
	t.blamed += o.blamed
	t.backups += o.backups
	t.overtaken += o.overtaken
	t.aside += o.aside
	t.full += o.full
	t.disks += o.disks
	t.networks += o.networks
	t.ranFull += o.ranFull
	for form, n := range o.forms {
		t.forms[form] += n
	}
}

// simAttempt is what the checker knows of a launched attempt.
type simAttempt struct {
	work    plan.Work
	exec    plan.ExecutorID
	session plan.SessionID
	input   map[plan.OutputID]bool
	ended   bool
	void    bool // its stage was rolled back while it ran, or another one won
	backup  bool
}

func newChecker(w *world) *checker {
	return &checker{
		w:        w,
		sessions: map[plan.ExecutorID]plan.SessionID{}, ended: map[plan.SessionID]bool{}, slots: map[plan.ExecutorID]int{},
		attempts: map[plan.AttemptID]*simAttempt{}, running: map[plan.SessionID]map[plan.AttemptID]bool{}, active: map[plan.JobID]int{},
		committed: map[taskKey]plan.AttemptID{}, valid: map[plan.AttemptID]bool{}, released: map[plan.AttemptID]bool{},
		tasks: map[plan.JobID]map[plan.StageID]int{}, charged: map[taskKey]int{}, faults: map[taskKey]int{}, fatal: map[plan.JobID]bool{},
		staged: map[stagedKey]sum{}, rows: map[stagedKey]sum{}, quarantined: map[plan.AttemptID]bool{},
		canceled: map[plan.JobID]bool{}, published: map[plan.JobID]bool{}, ending: map[plan.JobID]bool{}, over: map[plan.JobID]bool{},
		draining: map[plan.SessionID]bool{}, low: map[plan.SessionID]bool{},
		full: map[taskKey]map[plan.ExecutorID]int{}, tried: map[taskKey]map[plan.ExecutorID]bool{}, nowhere: map[taskKey]bool{},
		complained: map[plan.OutputID]map[plan.ExecutorID]int{}, corrupt: map[plan.OutputID]bool{},
		cells: map[plan.OutputID][]sum{}, differed: map[jobStage]int{}, unreached: map[taskKey]int{}, aside: map[plan.ExecutorID]time.Duration{},
		readers: map[plan.ExecutorID]map[plan.ExecutorID]bool{}, doubtful: map[plan.AttemptID]bool{}, unsure: map[taskKey]bool{},
		forms: map[jobExchange]Form{}, tally: tally{forms: map[Form]int{}},
	}
}

// event follows what the core is about to be told.
func (c *checker) event(ev Event) {
	switch ev := ev.(type) {
	case ExecutorJoined:
		if c.sessions[ev.Executor] == ev.Session || c.ended[ev.Session] {
			return
		}
		c.endSession(ev.Executor)
		c.sessions[ev.Executor], c.slots[ev.Executor] = ev.Session, ev.Slots
		c.running[ev.Session], c.low[ev.Session] = map[plan.AttemptID]bool{}, ev.Low
	case DiskLow:
		c.low[ev.Session] = ev.Low
	case ExecutorDraining:
		c.draining[ev.Session] = true
	case ExecutorLost:
		if c.sessions[ev.Executor] == ev.Session {
			c.endSession(ev.Executor)
		}
	case CancelRequested:
		c.canceled[ev.Job] = true
	case AttemptFinished:
		if a := c.current(ev.Executor, ev.Session, ev.Attempt); a != nil {
			c.end(ev.Attempt, a)
			c.finished(ev, a)
		}
	case AttemptFailed:
		if a := c.current(ev.Executor, ev.Session, ev.Attempt); a != nil {
			c.end(ev.Attempt, a)
			c.failed(ev, a)
		}
	}
}

func (c *checker) current(e plan.ExecutorID, s plan.SessionID, id plan.AttemptID) *simAttempt {
	a := c.attempts[id]
	if a == nil || a.ended || a.exec != e || a.session != s || c.sessions[e] != s {
		return nil
	}
	return a
}

func (c *checker) end(id plan.AttemptID, a *simAttempt) {
	a.ended = true
	delete(c.running[a.session], id)
	if !a.void {
		c.active[id.Job]--
	}
}

func (c *checker) endSession(e plan.ExecutorID) {
	s := c.sessions[e]
	if s == 0 {
		return
	}
	delete(c.sessions, e)
	c.ended[s] = true
	for id := range c.running[s] {
		a := c.attempts[id]
		c.end(id, a)
		if !a.void {
			c.faults[taskKey{id.Job, id.Task}]++
		}
	}
	for id, a := range c.attempts {
		// What is staged or enumerated survives; map outputs do not.
		if st := c.stageOf(id); a.session == s && st != nil && len(st.Exchanges) > 0 {
			delete(c.valid, id)
		}
	}
}

func (c *checker) finished(ev AttemptFinished, a *simAttempt) {
	id := ev.Attempt
	key := taskKey{id.Job, id.Task}
	switch a.work {
	case plan.Publish:
		c.published[id.Job] = true
	case plan.Run, plan.Enumerate:
		if c.ending[id.Job] || a.void {
			return
		}
		c.voidOthers(id)
		if old, ok := c.committed[key]; ok && c.valid[old] {
			c.w.fail("attempt %v commits beside %v", id, old)
		} else if ok && !c.sameCells(old, id) {
			c.differed[jobStage{id.Job, id.Task.Stage}]++
		}
		c.committed[key], c.valid[id] = id, true
		c.quarantined[id] = ev.Result.Figures.BadRows > 0
		for _, r := range ev.Result.Rows {
			c.rows[stagedKey{id, r.Sink}] = binary.LittleEndian.Uint64(r.Blocks[0])
		}
	}
}

func (c *checker) failed(ev AttemptFailed, a *simAttempt) {
	key := taskKey{ev.Attempt.Job, ev.Attempt.Task}
	switch kind := ev.Failure.Kind; {
	case a.void:
	case kind.Fatal():
		c.fatal[key.job] = true
	case kind.Charged():
		c.charged[key]++
	default:
		c.faults[key]++
	}
	if ev.Failure.Kind == fault.Disk && !a.void {
		c.noteFull(key, ev.Executor)
	}
	for _, o := range ev.Unreadable {
		if ev.Failure.Kind == fault.Corrupt {
			c.complain(o, ev.Executor)
		}
		if a.input[o] && c.gone(ev, o) {
			delete(c.valid, o.Attempt)
		}
	}
}

// action judges what the core decided. back are the executors that came back
// from probation in the same step.
func (c *checker) action(a Action, back map[plan.ExecutorID]bool) {
	switch a := a.(type) {
	case Launch:
		c.launch(a)
	case Cancel:
		at := c.attempts[a.Attempt]
		if at == nil || at.ended || at.session != a.Session {
			c.w.fail("cancel of %v, which does not run", a.Attempt)
			return
		}
		c.ending[a.Attempt.Job] = c.ending[a.Attempt.Job] || !at.void
	case RolledBack:
		c.rolledBack(a)
	case Damaged:
		c.damaged(a)
	case SetAside:
		c.tally.aside++
		c.aside[a.Executor] = a.Until
		live := c.w.core.Sessions()
		here := 0
		for _, s := range live {
			if c.aside[s.Executor] > 0 {
				here++
			}
		}
		if here > 1 && 2*here > len(live) {
			c.w.fail("%s is set aside: that makes %d of %d", a.Executor, here, len(live))
		}
	case Reinstated:
		back[a.Executor] = true
		if c.w.now < c.aside[a.Executor] && c.othersUsable(back) {
			c.w.fail("%s comes back before %v, and others are there", a.Executor, c.aside[a.Executor])
		}
		delete(c.aside, a.Executor)
	case Release:
		c.tally.late++
		for _, id := range a.Attempts {
			c.released[id] = true
			if st := c.stageOf(id); st != nil && (len(st.Sinks) > 0 || c.quarantined[id]) && !c.w.jobs[id.Job].tooBad() && c.committed[taskKey{id.Job, id.Task}] == id && !c.over[id.Job] {
				c.w.fail("release of %v, whose files are to be published", id)
			}
		}
	case JobDone:
		c.done(a)
	case JobFailed:
		c.jobFailed(a)
	}
}

// drives reports whether an attempt is that of a driver, which takes no slot.
func (c *checker) drives(id plan.AttemptID) bool {
	return Drives(&c.w.jobs[id.Job].plan)
}

// taken is how many slots the attempts of a session take.
func (c *checker) taken(s plan.SessionID) (n int) {
	for id := range c.running[s] {
		if !c.drives(id) && !c.over[id.Job] { // a backup that lost may outlive its job for a moment
			n++
		}
	}
	return n
}

func (c *checker) launch(l Launch) {
	id := l.Assignment.Attempt
	switch {
	case c.attempts[id] != nil:
		c.w.fail("attempt %v launched twice", id)
	case c.sessions[l.Executor] != l.Session:
		c.w.fail("attempt %v launched in session %d of %s, which is not live", id, l.Session, l.Executor)
	case !c.drives(id) && c.taken(l.Session) >= c.slots[l.Executor]:
		c.w.fail("attempt %v is more than the %d slots of %s", id, c.slots[l.Executor], l.Executor)
	case c.over[id.Job]:
		c.w.fail("attempt %v launched after its job", id)
	case c.aside[l.Executor] > 0:
		c.w.fail("attempt %v launched on %s, which is set aside until %v", id, l.Executor, c.aside[l.Executor])
	case c.low[l.Session]:
		c.w.fail("attempt %v launched on %s, which is low on disk space", id, l.Executor)
	case c.draining[l.Session]:
		c.w.fail("attempt %v launched on %s, which is being drained", id, l.Executor)
	}
	c.launchRoom(l)
	backup := c.backup(l)
	if !backup {
		c.launchOrder(id)
	}
	if c.drives(id) {
		c.tally.drivers++
	}
	for other := range c.running[l.Session] {
		if other.Job == id.Job && other.Task == id.Task && !c.attempts[other].void {
			c.w.fail("attempts %v and %v run at once", id, other)
		}
	}
	if old, ok := c.committed[taskKey{id.Job, id.Task}]; ok {
		c.tally.repairs++
		if c.released[old] || c.doubtful[old] { // a roll-back needs it once more, or nobody reaches it
			delete(c.valid, old)
		}
		if c.valid[old] {
			c.w.fail("attempt %v launched although %v counts", id, old)
		}
	}
	c.tally.launches++
	c.tally.reruns += min(id.Number-1, 1)
	a := &simAttempt{backup: backup, work: l.Assignment.Work, exec: l.Executor, session: l.Session, input: map[plan.OutputID]bool{}}
	c.attempts[id] = a
	if c.running[l.Session] == nil {
		c.running[l.Session] = map[plan.AttemptID]bool{}
	}
	c.running[l.Session][id] = true
	c.active[id.Job]++
	switch l.Assignment.Work {
	case plan.Run:
		c.launchRun(l.Assignment, a)
	case plan.Publish:
		c.launchPublish(l.Assignment)
	case plan.Discard:
		if c.active[id.Job] != 1 {
			c.w.fail("discard of %v beside %d other attempts", id, c.active[id.Job]-1)
		}
	}
}

// launchOrder checks priorities, as far as one step shows them, and limits.
func (c *checker) launchOrder(id plan.AttemptID) {
	j := c.w.jobs[id.Job].submit
	if !c.drives(id) {
		if j.Priority > c.priority {
			c.w.fail("attempt %v of priority %d launched after one of priority %d", id, j.Priority, c.priority)
		}
		c.priority = j.Priority
	}
	if n := c.runningOf(id.Job); j.MaxRunning > 0 && n >= j.MaxRunning {
		c.w.fail("attempt %v launched beside %d others of its job, whose limit is %d", id, n, j.MaxRunning)
	}
}

func (c *checker) launchRun(as plan.Assignment, a *simAttempt) {
	id := as.Attempt
	if c.tasks[id.Job] == nil {
		c.tasks[id.Job] = map[plan.StageID]int{}
	}
	c.tasks[id.Job][id.Task.Stage] = max(c.tasks[id.Job][id.Task.Stage], id.Task.Index+1)
	c.noteForms(as)
	if as.Partition != nil {
		c.launchReads(id, a, as.Partition)
	}
	for i := range as.Sides {
		c.launchReads(id, a, &as.Sides[i])
	}
}

// launchReads checks that an attempt reads all winners of an exchange, where they are.
func (c *checker) launchReads(id plan.AttemptID, a *simAttempt, part *plan.Partition) {
	j := c.w.jobs[id.Job]
	var want []plan.AttemptID
	for _, p := range c.producersNow(j, &j.plan.Exchanges[part.Exchange]) {
		for i := range c.tasks[id.Job][p] {
			want = append(want, c.committed[taskKey{id.Job, plan.TaskID{Stage: p, Index: i}}])
		}
	}
	if len(want) != len(part.Outputs) {
		c.w.fail("attempt %v reads %d outputs of %d producer tasks", id, len(part.Outputs), len(want))
		return
	}
	for i, o := range part.Outputs {
		switch {
		case o.ID.Attempt != want[i]:
			c.w.fail("attempt %v reads %v where %v won", id, o.ID, want[i])
		case !c.valid[want[i]]:
			c.w.fail("attempt %v reads %v, which is gone", id, o.ID)
		case c.released[want[i]]:
			c.w.fail("attempt %v reads %v, which was released", id, o.ID)
		case o.Executor != c.attempts[want[i]].exec:
			c.w.fail("attempt %v looks for %v on %s", id, o.ID, o.Executor)
		}
		a.input[o.ID] = true
	}
}

// launchPublish checks that every row reaches every file sink exactly once, and
// that no winner has read anything but the rows that its inputs hold now.
func (c *checker) launchPublish(as plan.Assignment) {
	j := c.w.jobs[as.Attempt.Job]
	for key, id := range c.committed {
		if key.job != j.id || key.task.Stage < 0 {
			continue
		}
		for o := range c.attempts[id].input {
			now := plan.OutputID{Attempt: c.committed[taskKey{j.id, o.Attempt.Task}], Exchange: o.Exchange}
			if !slices.Equal(c.cells[o], c.cells[now]) {
				c.w.fail("publish although %v has read %v, which gave other rows than %v", id, o, now)
			}
		}
	}
	got := make([]sum, len(j.expect))
	var last plan.StagedFile
	var bad int64
	for _, f := range as.Files {
		if c.committed[taskKey{j.id, f.Attempt.Task}] != f.Attempt {
			c.w.fail("publish of %v, which did not win", f.Attempt)
		}
		if f.Quarantine {
			bad += f.Rows
			continue
		}
		if last.Name != "" && (f.Sink < last.Sink || f.Sink == last.Sink && !lessTaskID(last.Attempt.Task, f.Attempt.Task)) {
			c.w.fail("publish of sink %d %v after sink %d %v", f.Sink, f.Attempt, last.Sink, last.Attempt)
		}
		got[f.Sink] += c.staged[stagedKey{f.Attempt, f.Sink}]
		last = f
	}
	if bad != j.bad || j.tooBad() {
		c.w.fail("publish of %d bad rows of job %v, want %d, limit %+v", bad, j.id.Short(), j.bad, j.plan.BadLimit)
	}
	for s, want := range j.expect {
		if !collects(plan.SinkID(s)) && got[s] != want {
			c.w.fail("file sink %d of job %v has the rows %x, want %x", s, j.id.Short(), got[s], want)
		}
	}
}

func lessTaskID(a, b plan.TaskID) bool {
	return a.Stage < b.Stage || a.Stage == b.Stage && a.Index < b.Index
}
