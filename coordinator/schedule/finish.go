package schedule

import (
	"fmt"
	"math"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// current returns the task whose running attempt this is, or nil.
func (c *Core) current(e *executor, id plan.AttemptID) *task {
	j := c.jobs[id.Job]
	if e == nil || j == nil || j.over() {
		return nil
	}
	t := j.find(id.Task)
	if t != nil && t.twin != nil && t.twin.number == id.Number {
		t = t.twin
	}
	if t == nil || t.state != running || t.exec != e || t.number != id.Number || t.epoch != id.Epoch {
		return nil
	}
	return t
}

func (c *Core) finished(ev AttemptFinished) {
	e := c.alive(ev.Executor, ev.Session)
	t := c.current(e, ev.Attempt)
	if c.plant == plantNoFence && t == nil {
		e, t = c.unfenced(ev.Attempt)
	}
	if t == nil {
		if c.plant == plantCountLosers {
			c.countLoser(&ev)
		}
		c.late(e, ev.Attempt)
		return
	}
	if t.of != nil && t.wins() {
		t = t.of
		t.overtake()
	}
	c.detach(t)
	j := t.job()
	if t.of != nil && t.wanted() && c.plant != plantBothWin {
		c.late(e, ev.Attempt)
		return
	}
	if !t.wanted() {
		c.discardWhenQuiet(j)
		return
	}
	if t.void() && c.plant != plantMixEpochs {
		c.late(e, ev.Attempt)
		c.requeue(t)
		return
	}
	err := checkResult(t, &ev.Result)
	if err == nil {
		err = c.checkCollected(j, ev.Result.Rows)
	}
	if err == nil {
		err = c.checkBad(t, &ev.Result)
	}
	if err != nil {
		c.fail(t, fault.ReportOf(err))
		return
	}
	t.state = done
	c.cancelTwin(t)
	switch {
	case t.stage == j.enumerate:
		c.enumerated(j.stages[t.index], ev.Result.Splits)
	case t.stage != j.publish:
		c.commit(t, e, &ev.Result)
	case j.state == Publishing:
		c.published(j)
	default:
		c.end(j, Failed, j.failure)
	}
}

// unfenced is what current would be without its checks.
func (c *Core) unfenced(id plan.AttemptID) (*executor, *task) {
	j := c.jobs[id.Job]
	if j == nil || j.over() {
		return nil, nil
	}
	t := j.find(id.Task)
	if t == nil || t.state != running {
		return nil, nil
	}
	return t.exec, t
}

// countLoser counts what nobody should.
func (c *Core) countLoser(ev *AttemptFinished) {
	j := c.jobs[ev.Attempt.Job]
	if j == nil || j.over() || ev.Attempt.Task.Stage < 0 {
		return
	}
	if s := j.stageOf(ev.Attempt.Task.Stage); s != nil {
		s.figures.Add(plan.Figures{Counters: ev.Result.Figures.Counters})
	}
}

// late answers a success that does not count. Its files are of no use, unless
// it is a duplicate of a success that did count: then what it wrote is in use,
// or may still be read by attempts launched before it was superseded.
func (c *Core) late(e *executor, id plan.AttemptID) {
	if e == nil || id.Task.Stage < 0 { // pseudo tasks leave nothing of their own
		return
	}
	if j := c.jobs[id.Job]; j != nil && !j.over() {
		t := j.find(id.Task)
		if t != nil && t.state == done && t.number == id.Number {
			return
		}
		if t != nil && t.past != nil && slices.Contains(t.past.superseded, id.Number) {
			return
		}
	}
	c.emit(Release{Executor: e.id, Session: e.session, Attempts: []plan.AttemptID{id}})
}

// commit makes an attempt the winner of its task.
func (c *Core) commit(t *task, e *executor, r *plan.Result) {
	s := t.stage
	t.outcome = &outcome{files: r.Files, rows: r.Rows, bad: r.BadRows, figures: r.Figures}
	s.job.collected += blockBytes(r.Rows)
	for _, x := range s.outputs {
		o := *findOutput(r.Outputs, x.plan.ID)
		if !t.measured {
			x.measure(&o, e)
		}
		t.outcome.content = append(t.outcome.content, Content{RowDigest: o.RowDigest, Rows: o.Rows, Partial: o.Partial})
		// Readers look into the output's own index; a copy of these for every
		// reader of every output would be most of the coordinator's traffic.
		o.Executor, o.BucketBytes, o.Samples, o.RowDigest, o.Partial = e.id, nil, nil, "", false
		o.Keys, o.MissedBytes = nil, 0
		t.outcome.outputs = append(t.outcome.outputs, o)
		x.outputs = nil
	}
	t.measured = true
	if len(s.outputs) > 0 {
		e.held[s.job] = append(e.held[s.job], t)
	}
	c.noteSpeed(t)
	e.absolve()
	c.blame(t, e)
	c.cameSound(t)
	// Before the stage can be complete: what is rolled back may need more of it.
	goesOn := c.repeated(t)
	s.done++
	s.figures.Add(r.Figures)
	if c.plant == plantDoubleFigures {
		s.figures.Add(r.Figures)
	}
	if goesOn && s.complete() {
		c.completed(s)
	}
}

// checkCollected refuses rows with which a job collects more than it may.
func (c *Core) checkCollected(j *job, rows []plan.CollectedRows) error {
	if n := addBytes(j.collected, blockBytes(rows)); n > c.cfg.CollectBytes {
		return fault.New(fault.Invalid, "Collect holds %d bytes, more than the %d that a driver takes; write the rows to files, or reduce them first (Count, TopK)", n, c.cfg.CollectBytes)
	}
	return nil
}

// blockBytes is what collected rows take.
func blockBytes(rows []plan.CollectedRows) (sum int64) {
	for _, r := range rows {
		for _, b := range r.Blocks {
			sum += int64(len(b))
		}
	}
	return sum
}

func findOutput(outputs []plan.MapOutput, x plan.ExchangeID) *plan.MapOutput {
	for i := range outputs {
		if outputs[i].ID.Exchange == x {
			return &outputs[i]
		}
	}
	return nil
}

// checkResult refuses a result that does not fit its task; that is a bug on
// the other side, or a worker gone mad.
func checkResult(t *task, r *plan.Result) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Internal, "result of attempt %v: %w", t.attempt(), fmt.Errorf(format, args...))
	}
	var total int64
	for _, sp := range r.Splits {
		total = addBytes(total, weight(sp))
		if sp.Offset < 0 || sp.Length < 0 || sp.Offset > sp.Offset+sp.Length {
			return bad("split %q has offset %d and length %d", sp.Path, sp.Offset, sp.Length)
		}
	}
	if total == math.MaxInt64 {
		return bad("%d splits of more bytes than can be counted", len(r.Splits))
	}
	if len(r.Outputs) != len(t.stage.outputs) {
		return bad("%d map outputs for %d exchanges", len(r.Outputs), len(t.stage.outputs))
	}
	for _, x := range t.stage.outputs {
		o := findOutput(r.Outputs, x.plan.ID)
		if o == nil || o.ID.Attempt != t.attempt() {
			return bad("no map output for exchange %d", x.plan.ID)
		}
		if n := len(o.BucketBytes); x.plan.Kind == plan.Hash && n != x.plan.Buckets && (n > 0 || o.Bytes > 0) {
			return bad("%d bucket sizes for %d buckets of exchange %d", n, x.plan.Buckets, x.plan.ID)
		}
	}
	for _, o := range r.Outputs {
		if n := len(o.Keys); n > plan.MaxKeyWeights {
			return bad("%d heavy keys of exchange %d, at most %d", n, o.ID.Exchange, plan.MaxKeyWeights)
		}
	}
	for _, f := range r.Files {
		if f.Attempt != t.attempt() || !t.ownFile(&f) {
			return bad("file %q of attempt %v for sink %d", f.Name, f.Attempt, f.Sink)
		}
	}
	if n := r.Figures.BadRows; n != 0 && (t.job().plan.BadLimit == nil || t.stage.input != nil) || n < int64(len(r.BadRows)) || len(r.BadRows) > plan.MaxBadReports {
		return bad("%d bad rows, of which %d are named", n, len(r.BadRows))
	}
	if n, of := len(r.Figures.Counters), len(t.job().plan.Counters); n > 0 && n != of {
		return bad("%d counters of %d", n, of)
	}
	for _, rows := range r.Rows {
		if !slices.Contains(t.stage.plan.Sinks, rows.Sink) {
			return bad("rows for sink %d", rows.Sink)
		}
	}
	return nil
}
