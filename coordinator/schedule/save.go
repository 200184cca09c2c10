package schedule

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/sheafdata/sheaf/internal/plan"
)

// State copies what the core knows.
func (c *Core) State() *CoreState {
	st := &CoreState{Now: c.now, Seq: c.seq}
	places := make(map[*executor]int, len(c.order))
	for i, e := range c.order {
		places[e] = i + 1
		st.Executors = append(st.Executors, ExecutorCopy{
			ID: e.id, Seq: e.seq, Live: e.live, Draining: e.draining, Low: e.low, Session: e.session, Slots: e.slots,
			Ended: slices.Clone(e.ended), Strikes: e.strikes, Struck: e.struck, StruckJob: e.struckJob, Aside: e.aside, Setbacks: e.setbacks,
		})
	}
	s := saver{places}
	for _, j := range c.jobs {
		st.Jobs = append(st.Jobs, s.job(j))
	}
	slices.SortFunc(st.Jobs, func(a, b JobCopy) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, t := range c.timers.items {
		if t.exec == nil && t.valid() {
			st.Timers = append(st.Timers, TimerCopy{At: t.at, Seq: t.seq, Job: t.task.job().id, Task: t.task.id(), Number: t.number, Backup: t.backup})
		}
	}
	slices.SortFunc(st.Timers, func(a, b TimerCopy) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, x := range c.cuts {
		st.Cuts = append(st.Cuts, CutCopy{places[x.reader], places[x.holder], x.until})
	}
	for _, g := range c.parked {
		if cp := s.parkGroup(g); len(cp.Tasks) > 0 { // else all its jobs have ended meanwhile
			st.Parked = append(st.Parked, cp)
		}
	}
	return st
}

// saver knows the place of each executor in a CoreState.
type saver struct{ places map[*executor]int }

func (s saver) job(j *job) JobCopy {
	cp := JobCopy{ID: j.id, Seq: j.seq, State: j.state, Priority: j.priority, MaxRunning: j.maxRunning, Final: j.final}
	if j.over() {
		return cp
	}
	cp.Plan, cp.Ran = j.plan, j.ran
	if j.state != Running && j.state != Publishing {
		failure := j.failure
		cp.Failure = &failure
	}
	for _, st := range j.stages {
		cp.Stages = append(cp.Stages, s.stage(st))
	}
	enumerate, publish := s.stage(j.enumerate), s.stage(j.publish)
	cp.Enumerate, cp.Publish = &enumerate, &publish
	for _, x := range j.exchanges {
		cp.Exchanges = append(cp.Exchanges, s.exchange(x))
	}
	return cp
}

func (s saver) stage(st *stage) StageCopy {
	cp := StageCopy{
		Known: st.known, Settled: st.settled, Next: st.next, Failed: st.failed, Bytes: st.bytes, Figures: st.figures,
		Epoch: st.epoch, Differed: st.differed, Paces: slices.Clone(st.paces), Parts: st.parts, Tasks: make([]TaskCopy, len(st.tasks)),
	}
	for i := range st.tasks {
		cp.Tasks[i] = s.task(&st.tasks[i])
	}
	for _, near := range st.near {
		var of []PlaceCopy
		for _, n := range near {
			of = append(of, s.place(n.exec, n.session))
		}
		cp.Near = append(cp.Near, of)
	}
	for _, h := range st.stale {
		cp.Stale = append(cp.Stale, HeldCopy{s.place(h.exec, h.session), h.attempt})
	}
	return cp
}

func (s saver) task(t *task) TaskCopy {
	cp := TaskCopy{
		State: uint8(t.state), Number: t.number, Epoch: t.epoch, Executor: s.places[t.exec], Session: t.session,
		Lost: t.lost, Measured: t.measured, Splits: t.splits, RawPaths: rawPaths(t.splits),
	}
	if cp.Input = t.bytes; t.last != t.number {
		cp.Last = t.last
	}
	if t.state == running {
		cp.Began, cp.Watched = t.began, t.watched
	}
	if w := t.twin; w != nil {
		cp.Backup = &BackupCopy{Number: w.number, Epoch: w.epoch, Executor: s.places[w.exec], Session: w.session, Began: w.began, Canceled: w.canceled}
	}
	if o := t.outcome; o != nil {
		figures := o.figures
		cp.Won, cp.Outputs, cp.Files, cp.Rows, cp.BadRows, cp.Figures = true, o.outputs, o.files, o.rows, o.bad, &figures
		cp.Content = o.content
	}
	if p := t.past; p != nil {
		cp.Past = &PastCopy{Charged: p.charged, Faults: p.faults, Last: p.last, Alike: p.alike, Superseded: slices.Clone(p.superseded), Before: p.before, Again: p.again}
		cp.Past.Suspect, cp.Past.SuspectedAt, cp.Past.Accused, cp.Past.Deadly = p.suspect, p.suspectedAt, p.accused, p.deadly
		for _, pl := range p.places {
			cp.Past.Places = append(cp.Past.Places, PastPlaceCopy{s.places[pl.exec], pl.failures, pl.full, pl.doubtful})
		}
		if d := p.damage; d != nil {
			cp.Past.Damage = &DamageCopy{d.output, s.places[d.reader], s.places[d.holder]}
		}
	}
	return cp
}

// rawPaths returns the paths that are not UTF-8, by place.
func rawPaths(splits []plan.Split) map[int][]byte {
	var raw map[int][]byte
	for i, split := range splits {
		if utf8.ValidString(split.Path) {
			continue
		}
		if raw == nil {
			raw = make(map[int][]byte)
		}
		raw[i] = []byte(split.Path)
	}
	return raw
}

func (s saver) exchange(x *exchange) ExchangeCopy {
	cp := ExchangeCopy{Bytes: x.bytes, Form: x.form, SideRows: x.sideRows, SideBytes: x.sideBytes}
	// Keys are summed up in place: they are not shared.
	cp.Keys, cp.MissedBytes, cp.Target = slices.Clone(x.keys.keys), x.keys.missed, x.target
	for _, sh := range x.shares {
		// These sums go on growing: they alone are not shared.
		cp.Shares = append(cp.Shares, ShareCopy{s.place(sh.exec, sh.session), slices.Clone(sh.buckets)})
	}
	for _, sm := range x.samples {
		cp.Samples = append(cp.Samples, SampleCopy{s.place(sm.exec, sm.session), sm.keys})
	}
	return cp
}

func (s saver) place(e *executor, session plan.SessionID) PlaceCopy {
	return PlaceCopy{Executor: s.places[e], Session: session}
}

func (s saver) parkGroup(g *parkGroup) ParkGroupCopy {
	var cp ParkGroupCopy
	for _, e := range g.closed {
		cp.Closed = append(cp.Closed, s.places[e])
	}
	for _, t := range g.tasks {
		if t.wanted() {
			cp.Tasks = append(cp.Tasks, ParkTaskCopy{t.job().id, t.id()})
		}
	}
	return cp
}
