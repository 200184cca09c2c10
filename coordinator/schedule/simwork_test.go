package schedule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// outcome is how an attempt ends that ran to its end on e.
func (w *world) outcome(e *simExecutor, a plan.Assignment) Event {
	j := w.jobs[a.Attempt.Job]
	if kind := w.drawFailure(e, a); kind != fault.Unknown {
		return AttemptFailed{Attempt: a.Attempt, Failure: fault.Report{Kind: kind, Message: kind.String()}}
	}
	switch a.Work {
	case plan.Enumerate:
		splits := j.files[plan.StageID(a.Attempt.Task.Index)]
		return AttemptFinished{Attempt: a.Attempt, Result: plan.Result{Splits: splits}}
	case plan.Publish, plan.Discard:
		return AttemptFinished{Attempt: a.Attempt}
	}
	total, sides, failure, unreadable := w.read(e, j, a)
	if failure != fault.Unknown {
		return AttemptFailed{Attempt: a.Attempt, Failure: fault.Report{Kind: failure, Message: failure.String()}, Unreadable: unreadable}
	}
	if j.plan.BadLimit != nil {
		if died := w.die(a); died != nil {
			return died
		}
	}
	return AttemptFinished{Attempt: a.Attempt, Result: w.write(e, j, a, j.emits(a.Attempt.Task.Stage, total, sides))}
}

// drawFailure decides whether an attempt fails by itself. Failures of user
// code are drawn only while the task could survive one more, except where the
// seed wants a task that never works.
func (w *world) drawFailure(e *simExecutor, a plan.Assignment) fault.Kind {
	f, id := w.faults, a.Attempt
	if f.poison && a.Work == plan.Run && id.Job[0] == 0 && id.Task == (plan.TaskID{}) {
		return fault.User
	}
	if f.fatal && a.Work == plan.Run && w.hit(5) {
		return []fault.Kind{fault.Invalid, fault.Internal, fault.Canceled}[w.r.IntN(3)]
	}
	spare := w.check.charged[taskKey{id.Job, id.Task}] < DefaultMaxAttempts-1
	switch {
	case spare && w.hit(f.user):
		return fault.User
	case spare && w.hit(f.resource):
		return fault.Resource
	case e.full && a.Work == plan.Run && w.hit(800):
		return fault.Disk
	case f.bad && e == w.execs[0] && w.hit(700):
		return fault.Transient
	case w.hit(f.transient):
		return fault.Transient
	case w.hit(f.away):
		return fault.Lost
	}
	return fault.Unknown
}

// read sums up what a Run reads, or says which map outputs it could not read.
func (w *world) read(e *simExecutor, j *simJob, a plan.Assignment) (total sum, sides map[plan.ExchangeID]sum, failure fault.Kind, unreadable []plan.OutputID) {
	sides = map[plan.ExchangeID]sum{}
	for _, s := range a.Splits {
		total += splitSum(j.id, a.Attempt.Task.Stage, s)
	}
	if a.Partition != nil {
		x := &j.plan.Exchanges[a.Partition.Exchange]
		first, end := cellRange(x, a.Partition)
		var outs []*simOutput
		outs, failure, unreadable = w.fetchAll(e, a.Partition)
		total += readCells(x, a.Partition, outs, first, end)
	}
	for i := range a.Sides {
		outs, why, names := w.fetchAll(e, &a.Sides[i])
		if why != fault.Unknown {
			failure, unreadable = why, append(unreadable, names...)
		}
		sides[a.Sides[i].Exchange] += 0 // one without tasks is a side too
		for _, out := range outs {
			sides[a.Sides[i].Exchange] += out.cells[0]
		}
	}
	if failure != fault.Unknown && w.faults.dup && w.hit(100) {
		unreadable = nil // a reader that cannot say what it was
	}
	return total, sides, failure, unreadable
}

// fetchAll returns the outputs of a partition, or says which it could not read.
func (w *world) fetchAll(e *simExecutor, p *plan.Partition) (outs []*simOutput, failure fault.Kind, unreadable []plan.OutputID) {
	for _, o := range p.Outputs {
		out, reached := w.fetch(e, o)
		switch {
		case !reached:
			failure = fault.Unreachable
			unreadable = append(unreadable, o.ID)
		case out == nil:
			failure = fault.Fetch
			unreadable = append(unreadable, o.ID)
		case out.corrupt || w.faults.noise && o.Executor != e.id && w.hit(10):
			failure = fault.Corrupt
			unreadable = append(unreadable, o.ID)
		default:
			outs = append(outs, out)
		}
	}
	return outs, failure, unreadable
}

// fetch returns a map output as reader sees it, nil where it is gone; false when
// who holds it cannot be reached.
func (w *world) fetch(reader *simExecutor, o plan.MapOutput) (*simOutput, bool) {
	if w.faults.link && w.hit(10) {
		return nil, w.r.IntN(2) == 0
	}
	for _, e := range w.execs {
		if e.id == o.Executor && e.up {
			return e.stored[o.ID], e == reader || !w.cut[[2]*simExecutor{reader, e}]
		}
	}
	return nil, false
}

// write stores the map outputs of an attempt and reports them with its files and rows.
func (w *world) write(e *simExecutor, j *simJob, a plan.Assignment, emits *emission) plan.Result {
	id := a.Attempt
	r := plan.Result{Figures: plan.Figures{RowsIn: 1}}
	if len(j.plan.Counters) > 0 && emits.counted != 0 {
		r.Figures.Counters = []int64{int64(emits.counted), 0}
	}
	if j.plan.BadLimit != nil {
		w.leaveOut(&r, a)
	}
	for _, xid := range slices.Sorted(maps.Keys(emits.exchanges)) {
		x, total := &j.plan.Exchanges[xid], emits.exchanges[xid]
		out := &simOutput{corrupt: w.faults.corrupt && w.hit(10), side: emits.side[xid]}
		n := cellsOf(x)
		for c := range n {
			if out.side {
				out.cells = append(out.cells, total) // all of it meets every row
				continue
			}
			out.cells = append(out.cells, total*cellWeight(xid, c, n))
		}
		switch varies := j.varies[id.Task.Stage] && w.r.IntN(3) > 0; {
		case varies && out.side:
			out.cells = append(out.cells, w.r.Uint64()) // what tells the rows apart
		case varies && n > 1:
			moved := w.r.Uint64() // rows that have other keys this time
			out.cells[0], out.cells[n-1] = out.cells[0]+moved, out.cells[n-1]-moved
		}
		oid := plan.OutputID{Attempt: id, Exchange: xid}
		e.stored[oid] = out
		w.check.cells[oid], w.check.corrupt[oid] = out.cells, out.corrupt
		o := w.describeOutput(x, oid, n)
		o.RowDigest, o.Rows = fmt.Sprintf("%x", out.cells), 1
		if w.faults.scarce && w.r.IntN(8) == 0 { // the same, in other pieces
			o.Partial, o.RowDigest = true, fmt.Sprint(w.r.Uint64())
		}
		r.Outputs = append(r.Outputs, o)
	}
	for _, sink := range slices.Sorted(maps.Keys(emits.sinks)) {
		total := emits.sinks[sink]
		if collects(sink) {
			r.Rows = append(r.Rows, plan.CollectedRows{Sink: sink, Blocks: encodeSum(total)})
			continue
		}
		w.check.staged[stagedKey{id, sink}] = total
		r.Files = append(r.Files, plan.StagedFile{Sink: sink, Attempt: id, Name: "part"})
	}
	return r
}

// die ends the process of an attempt at the first row that ends processes and is
// not known to do so: in the midst of a batch, or at the row itself where rows of
// that batch are suspected.
func (w *world) die(a plan.Assignment) Event {
	for i, s := range a.Splits {
		for row := (s.Offset/deadlyEvery + 1) * deadlyEvery; row <= s.Offset+s.Length; row += deadlyEvery {
			at := plan.RowRange{Split: i, Row: row - s.Offset - 1, Rows: 1}
			if slices.ContainsFunc(a.Deadly, func(d plan.DeadlyRow) bool { return d.Split == i && d.Row == at.Row }) {
				continue
			}
			if a.Suspect == nil || !a.Suspect.Holds(at) {
				const batch = 1000
				at = plan.RowRange{Split: i, Row: at.Row / batch * batch, Rows: batch}
			}
			kind := []fault.Kind{fault.User, fault.User, fault.Resource, fault.Lost}[w.r.IntN(4)]
			w.check.tally.deaths++
			return AttemptFailed{Attempt: a.Attempt, Failure: fault.Report{Kind: kind, Message: "died"}, Working: &at}
		}
	}
	return nil
}

// leaveOut reports the bad rows of what an attempt reads, with a file of them.
func (w *world) leaveOut(r *plan.Result, a plan.Assignment) {
	for _, s := range a.Splits {
		r.Figures.BadRows += badRows(s)
		r.Figures.SourceRows += s.Length
	}
	r.Figures.BadRows += int64(len(a.Deadly))
	if n := r.Figures.BadRows; n > 0 {
		r.BadRows = make([]plan.BadRow, min(n, plan.MaxBadReports))
		r.Files = append(r.Files, plan.StagedFile{Sink: 0, Attempt: a.Attempt, Name: "bad", Rows: n, Quarantine: true})
	}
}

// describeOutput invents sizes; samples are one letter a cell.
func (w *world) describeOutput(x *plan.Exchange, id plan.OutputID, n int) plan.MapOutput {
	o := plan.MapOutput{ID: id}
	for c := range n {
		bytes := w.r.Int64N(mib / 4)
		if w.r.IntN(8) == 0 {
			bytes *= 8
		}
		o.Bytes += bytes
		switch x.Kind {
		case plan.Hash:
			o.BucketBytes = append(o.BucketBytes, bytes)
		case plan.Range:
			o.Samples = append(o.Samples, plan.KeySample{Key: []byte{byte('a' + c)}, Bytes: bytes})
		}
	}
	o.RawBytes = o.Bytes
	return o
}
