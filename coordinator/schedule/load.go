package schedule

import (
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Load makes a core that goes on where the copied one was. What fits no core is
// an error of kind Corrupt. The core keeps what the copy holds.
func Load(cfg Config, st *CoreState) (*Core, error) {
	l := loader{core: New(cfg)}
	c := l.core
	c.now, c.seq = st.Now, st.Seq
	for i := range st.Executors {
		l.executor(&st.Executors[i])
	}
	for i := range st.Jobs {
		l.job(&st.Jobs[i])
		if l.err != nil {
			return nil, fault.New(fault.Corrupt, "load job %v: %w", st.Jobs[i].ID, l.err)
		}
	}
	for _, t := range st.Timers {
		if task := l.find(t.Job, t.Task); task != nil {
			c.timers.push(timer{at: t.At, seq: t.Seq, task: task, number: t.Number, backup: t.Backup})
		}
	}
	for _, x := range st.Cuts {
		c.cuts = append(c.cuts, cut{l.some(x.Reader), l.some(x.Holder), x.Until})
	}
	for i := range st.Parked {
		l.parkGroup(&st.Parked[i])
	}
	l.slots()
	if l.err != nil {
		return nil, fault.New(fault.Corrupt, "load the scheduler: %w", l.err)
	}
	return c, nil
}

// loader keeps the first thing that is wrong.
type loader struct {
	core *Core
	err  error
}

func (l *loader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func (l *loader) executor(cp *ExecutorCopy) {
	c := l.core
	if c.executors[cp.ID] != nil || cp.Slots < 0 {
		l.fail("executor %q stands there twice or has %d slots", cp.ID, cp.Slots)
		return
	}
	e := &executor{
		id: cp.ID, seq: cp.Seq, live: cp.Live, draining: cp.Draining, low: cp.Low, session: cp.Session, slots: cp.Slots,
		ended: slices.Clone(cp.Ended), freeIndex: -1,
		strikes: cp.Strikes, struck: cp.Struck, struckJob: cp.StruckJob, aside: cp.Aside, setbacks: cp.Setbacks,
	}
	if e.aside > 0 {
		c.watchAside(e)
	}
	if e.live {
		e.held = make(map[*job][]*task)
	}
	c.executors[e.id] = e
	c.order = append(c.order, e)
}

// at returns the executor of a place, nil for none.
func (l *loader) at(place int) *executor {
	if place == 0 {
		return nil
	}
	if !within(place-1, len(l.core.order)) {
		l.fail("executor %d of %d", place, len(l.core.order))
		return nil
	}
	return l.core.order[place-1]
}

// some is at where one must be.
func (l *loader) some(place int) *executor {
	e := l.at(place)
	if e == nil {
		l.fail("an executor is missing")
	}
	return e
}

func (l *loader) find(job plan.JobID, id plan.TaskID) *task {
	if j := l.core.jobs[job]; j != nil && !j.over() {
		if t := j.find(id); t != nil {
			return t
		}
	}
	l.fail("task %v of job %v does not exist", id, job)
	return nil
}

func (l *loader) job(cp *JobCopy) {
	j := &job{
		id: cp.ID, seq: cp.Seq, plan: cp.Plan, state: cp.State, priority: cp.Priority, maxRunning: cp.MaxRunning,
		ran: cp.Ran, final: cp.Final, queueIndex: -1,
	}
	if l.core.jobs[j.id] != nil {
		l.fail("it stands there twice")
		return
	}
	l.core.jobs[j.id] = j
	if cp.Failure != nil {
		j.failure = *cp.Failure
	}
	if j.over() {
		return
	}
	if j.plan == nil || checkPlan(j.plan) != nil || cp.Enumerate == nil || cp.Publish == nil ||
		len(cp.Stages) != len(j.plan.Stages) || len(cp.Exchanges) != len(j.plan.Exchanges) {
		l.fail("its plan is missing or another one")
		return
	}
	j.build()
	for i := range cp.Exchanges {
		l.exchange(j.exchanges[i], &cp.Exchanges[i])
	}
	// Before the stages: how many outputs their tasks have follows from it.
	for _, x := range j.exchanges {
		if x.form == Broadcast {
			j.broadcast(x)
		}
	}
	for i := range cp.Stages {
		l.stage(j.stages[i], &cp.Stages[i])
	}
	l.stage(j.enumerate, cp.Enumerate)
	l.stage(j.publish, cp.Publish)
	if l.err != nil {
		return
	}
	l.core.live = append(l.core.live, j)
	l.queues(j)
}

func (l *loader) exchange(x *exchange, cp *ExchangeCopy) {
	x.bytes, x.form, x.sideRows, x.sideBytes = cp.Bytes, cp.Form, cp.SideRows, cp.SideBytes
	if x.form != Undecided && (x.plan.Side == nil || x.form != Sorted && x.form != Broadcast) {
		l.fail("exchange %d is %s, which it cannot be", x.plan.ID, x.form)
		return
	}
	x.target, x.keys = cp.Target, keyWeights{slices.Clone(cp.Keys), cp.MissedBytes}
	for _, s := range cp.Shares {
		e := l.at(s.Executor)
		if len(s.Buckets) != x.plan.Buckets {
			l.fail("exchange %d has %d sizes for %d buckets", x.plan.ID, len(s.Buckets), x.plan.Buckets)
			return
		}
		if x.shareOf == nil {
			x.shareOf = make(map[*executor]*share)
		}
		sh := &share{exec: e, session: s.Session, buckets: slices.Clone(s.Buckets)}
		x.shares, x.shareOf[e] = append(x.shares, sh), sh
	}
	for _, s := range cp.Samples {
		x.samples = append(x.samples, samples{s.Keys, nearby{l.some(s.Executor), s.Session}})
	}
}

func (l *loader) stage(s *stage, cp *StageCopy) {
	s.known, s.settled, s.failed, s.bytes, s.figures, s.parts = cp.Known, cp.Settled, cp.Failed, cp.Bytes, cp.Figures, cp.Parts
	s.epoch, s.differed, s.paces = cp.Epoch, cp.Differed, slices.Clone(cp.Paces)
	if s.known {
		s.setTasks(len(cp.Tasks))
	}
	s.next = cp.Next
	switch {
	case s.next < 0 || s.next > len(s.tasks), s.input != nil && len(s.parts) != len(s.tasks), len(cp.Near) > 0 && len(cp.Near) != len(s.tasks):
		l.fail("stage %d of %d tasks does not fit", s.id, len(s.tasks))
		return
	}
	for i := range s.tasks {
		l.task(&s.tasks[i], &cp.Tasks[i])
	}
	for _, of := range cp.Near {
		var near []nearby
		for _, p := range of {
			near = append(near, nearby{l.some(p.Executor), p.Session})
		}
		s.near = append(s.near, near)
	}
	for _, h := range cp.Stale {
		s.stale = append(s.stale, held{exec: l.some(h.Executor), session: h.Session, attempt: h.Attempt})
	}
}

func (l *loader) task(t *task, cp *TaskCopy) {
	t.state, t.number, t.exec, t.session = taskState(cp.State), cp.Number, l.at(cp.Executor), cp.Session
	t.epoch, t.last, t.began, t.bytes, t.watched = cp.Epoch, max(cp.Last, cp.Number), cp.Began, cp.Input, cp.Watched
	if b := cp.Backup; b != nil {
		t.twin = &task{
			stage: t.stage, index: t.index, of: t, splits: cp.Splits, bytes: cp.Input, state: running, number: b.Number, last: b.Number,
			epoch: b.Epoch, exec: l.some(b.Executor), session: b.Session, began: b.Began, canceled: b.Canceled,
		}
		if e := t.twin.exec; e == nil || !e.live || e.session != b.Session {
			l.fail("the backup of task %v runs nowhere", t.id())
		}
	}
	t.lost, t.measured, t.splits = cp.Lost, cp.Measured, cp.Splits
	l.paths(t, cp.RawPaths)
	if cp.Won {
		if len(cp.Outputs) != len(t.stage.outputs) || cp.Figures == nil || len(cp.Content) != 0 && len(cp.Content) != len(cp.Outputs) {
			l.fail("task %v has %d outputs of %d", t.id(), len(cp.Outputs), len(t.stage.outputs))
			return
		}
		t.outcome = &outcome{outputs: cp.Outputs, files: cp.Files, rows: cp.Rows, figures: *cp.Figures, content: cp.Content, bad: cp.BadRows}
		t.job().collected += blockBytes(cp.Rows)
	}
	if p := cp.Past; p != nil {
		t.past = &past{charged: p.Charged, faults: p.Faults, last: p.Last, alike: p.Alike, superseded: slices.Clone(p.Superseded), before: p.Before, again: p.Again}
		t.past.suspect, t.past.suspectedAt, t.past.accused, t.past.deadly = p.Suspect, p.SuspectedAt, p.Accused, p.Deadly
		for _, pl := range p.Places {
			t.past.places = append(t.past.places, place{exec: l.some(pl.Executor), failures: pl.Failures, full: pl.Full, doubtful: pl.Doubtful})
		}
		if d := p.Damage; d != nil {
			t.past.damage = &damage{output: d.Output, reader: l.some(d.Reader), holder: l.some(d.Holder)}
		}
	}
	if t.state == running && (t.exec == nil || !t.exec.live || t.exec.session != t.session) || t.state > done ||
		t.state == done && t.id().Stage >= 0 && (t.outcome == nil || t.exec == nil) {
		l.fail("task %v is in no state", t.id())
	}
}

// paths gives splits the paths that JSON does not take.
func (l *loader) paths(t *task, raw map[int][]byte) {
	if len(raw) > 0 {
		t.splits = slices.Clone(t.splits)
	}
	for i, path := range raw {
		if !within(i, len(t.splits)) {
			l.fail("task %v has a path for split %d of %d", t.id(), i, len(t.splits))
			return
		}
		t.splits[i].Path = string(path)
	}
}

// queues puts a job's tasks where their states say.
func (l *loader) queues(j *job) {
	j.left = 0
	for _, s := range append(slices.Clone(j.stages), j.enumerate, j.publish) {
		for i := range s.tasks {
			l.queue(&s.tasks[i])
		}
		if s.id >= 0 && !s.complete() {
			j.left++
		}
	}
	if j.state != Running {
		j.left = 0
	}
	for _, s := range j.stages {
		if j.state == Running && s.known && s.next < len(s.tasks) && s.launchable() {
			l.core.offerFresh(s)
		}
	}
	if j.hasWork() {
		l.core.offer(j)
	}
}

func (l *loader) queue(t *task) {
	s, j := t.stage, t.job()
	if w := t.twin; w != nil && l.err == nil {
		w.inExec, w.inJob = len(w.exec.running), len(j.running)
		w.exec.running, j.running = append(w.exec.running, w), append(j.running, w)
		if !w.canceled {
			l.core.backups++
		}
	}
	switch t.state {
	case ready:
		switch {
		case !t.wanted():
		case t.drives():
			l.core.drivers = append(l.core.drivers, t)
		default:
			j.ready.push(t)
		}
	case blocked:
		if t.wanted() && s.id >= 0 {
			s.blocked = append(s.blocked, t)
		}
	case running:
		e := t.exec
		t.inExec, t.inJob = len(e.running), len(j.running)
		e.running, j.running = append(e.running, t), append(j.running, t)
		s.running++
		if t.drives() {
			e.drivers++
		}
	case done:
		s.done++
		if t.lost {
			s.lost = append(s.lost, t)
		} else if len(s.outputs) > 0 && t.exec.live && t.exec.session == t.session {
			t.exec.held[j] = append(t.exec.held[j], t)
		}
	}
}

func (l *loader) parkGroup(cp *ParkGroupCopy) {
	g := &parkGroup{}
	for _, place := range cp.Closed {
		g.closed = append(g.closed, l.some(place))
	}
	for _, p := range cp.Tasks {
		if t := l.find(p.Job, p.Task); t != nil {
			g.tasks = append(g.tasks, t)
		}
	}
	if len(g.tasks) > 0 {
		l.core.parked = append(l.core.parked, g)
	}
}

// slots sums up what executors offer.
func (l *loader) slots() {
	c := l.core
	for _, e := range c.order {
		if e.free() < 0 {
			l.fail("executor %q runs %d attempts in %d slots", e.id, e.slots-e.free(), e.slots)
			return
		}
		c.enlist(e)
	}
}
