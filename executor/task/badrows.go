package task

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// How an attempt of a job with a limit of bad rows leaves them out: the first
// batch on which user code fails ends the attempt's work, which begins again. From
// that batch on each batch goes through a rehearsal first, which keeps nothing;
// when it fails there, its rows follow one by one, each that fails is put into
// quarantine, and the others go through the stage itself. So operators and
// writers never see a part of a batch that failed, and a row is judged by itself:
// the same rows are left out whenever the task runs again.

// position is a row of an attempt's input.
type position struct {
	split int
	row   int64 // of the split
}

func (p position) before(q position) bool {
	return p.split < q.split || p.split == q.split && p.row < q.row
}

// verdict is one bad row of a batch.
type verdict struct {
	row      int
	err      error
	operator string
}

// push pushes a batch, which begins at a position, through the stage: as a whole,
// but for rows that end processes.
func (p *pipeline) push(to operator.BatchReceiver, batch arrow.Record, r graph.BatchReader, at position) error {
	if p.quarantine == nil {
		return p.pushPart(to, &failedBatch{batch, r, at, 0})
	}
	rows := batch.NumRows()
	for from := int64(0); from < rows; {
		here := position{at.split, at.row + from}
		if problem, deadly := p.deadly(here); deadly {
			if err := p.quarantine.failed(&failedBatch{batch, r, at, 0}, verdict{int(from), errors.New(problem), unknownOperator}); err != nil {
				return err
			}
			from++
			continue
		}
		n := p.together(here, rows-from)
		if err := p.mark(here, n); err != nil {
			return err
		}
		if err := p.pushPart(to, &failedBatch{slice(batch, from, from+n), r, here, int(from)}); err != nil {
			return err
		}
		if n == 1 && p.suspected(here) {
			// What comes next, such as reading on, is none of the row's.
			if err := p.mark(here, 0); err != nil {
				return err
			}
		}
		from += n
	}
	return nil
}

// unknownOperator is where a process ended: nobody saw it.
const unknownOperator = "(the process ended)"

// deadly reports whether a row is known to end processes, and how.
func (p *pipeline) deadly(at position) (problem string, ok bool) {
	for _, d := range p.task.Assignment.Deadly {
		if d.Split == at.split && d.Row == at.row {
			return d.Problem, true
		}
	}
	return "", false
}

func (p *pipeline) suspected(at position) bool {
	s := p.task.Assignment.Suspect
	return s != nil && s.Holds(plan.RowRange{Split: at.split, Row: at.row, Rows: 1})
}

// together returns how many of the next rows go through the stage at once: one of
// those that are suspected, else all up to the next that is, or is deadly.
func (p *pipeline) together(at position, rows int64) int64 {
	a := p.task.Assignment
	if a.Suspect == nil && len(a.Deadly) == 0 {
		return rows
	}
	if p.suspected(at) {
		return 1
	}
	n := rows
	if s := a.Suspect; s != nil && s.Split == at.split && s.Row > at.row {
		n = min(n, s.Row-at.row)
	}
	for _, d := range a.Deadly {
		if d.Split == at.split && d.Row > at.row {
			n = min(n, d.Row-at.row)
		}
	}
	return n
}

// mark tells whoever watches the process on which rows user code works next.
func (p *pipeline) mark(at position, rows int64) error {
	if p.runtime.Mark == nil || p.quarantine == nil {
		return nil
	}
	return p.runtime.Mark(p.task.Assignment, plan.RowRange{Split: at.split, Row: at.row, Rows: rows})
}

// pushPart pushes rows that go through the stage together, but for those on which
// user code fails where they are in doubt.
func (p *pipeline) pushPart(to operator.BatchReceiver, part *failedBatch) error {
	p.failed = part
	if err := p.pushJudged(to, part); err != nil {
		return err
	}
	p.failed = nil
	return nil
}

func (p *pipeline) pushJudged(to operator.BatchReceiver, part *failedBatch) error {
	batch := part.batch
	if p.doubt == nil || part.at.before(*p.doubt) {
		return to.PushBatch(batch)
	}
	bad, err := p.runtime.judge(p.task, p.input, batch)
	if err != nil {
		return err
	}
	good := int64(0)
	for _, v := range bad {
		if err := p.quarantine.failed(part, v); err != nil {
			return err
		}
		if err := p.pushRows(to, batch, good, int64(v.row)); err != nil {
			return err
		}
		good = int64(v.row) + 1
	}
	return p.pushRows(to, batch, good, batch.NumRows())
}

// pushRows pushes the rows [from, end) of a batch.
func (p *pipeline) pushRows(to operator.BatchReceiver, batch arrow.Record, from, end int64) error {
	if from == end {
		return nil
	}
	return to.PushBatch(slice(batch, from, end))
}

// slice is the rows [from, end) of a batch.
func slice(batch arrow.Record, from, end int64) arrow.Record {
	if from == 0 && end == batch.NumRows() {
		return batch
	}
	return batch.NewSlice(from, end)
}

// judge returns the rows of a batch on which user code fails.
func (r *Runtime) judge(t *operator.Task, input *graph.Node, batch arrow.Record) ([]verdict, error) {
	_, err := r.rehearse(t, input, func(to operator.BatchReceiver) error { return to.PushBatch(batch) })
	if err == nil || !blamesUser(err) {
		return nil, err
	}
	var bad []verdict
	for next := 0; next < int(batch.NumRows()); {
		v, err := r.firstBad(t, input, batch, next)
		if v == nil || err != nil {
			return bad, err
		}
		// A function that gives up because its attempt shall stop says nothing
		// about the row.
		if err := t.Context.Err(); err != nil {
			return nil, err
		}
		bad = append(bad, *v)
		next = v.row + 1
	}
	return bad, nil
}

// firstBad returns the first row of a batch, from one on, that fails when they are
// pushed one by one; nil if none does. Any other failure is an error.
func (r *Runtime) firstBad(t *operator.Task, input *graph.Node, batch arrow.Record, from int) (*verdict, error) {
	row := -1
	at, err := r.rehearse(t, input, func(to operator.BatchReceiver) error {
		for i := from; i < int(batch.NumRows()); i++ {
			if err := t.Context.Err(); err != nil {
				return err
			}
			row = i
			if err := to.PushBatch(batch.NewSlice(int64(i), int64(i)+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && row >= 0 && blamesUser(err) {
		return &verdict{row, err, at}, nil
	}
	return nil, err
}

// rehearse lets push give rows to a pipeline of its own that publishes nothing. It
// returns the operator that failed.
func (r *Runtime) rehearse(t *operator.Task, input *graph.Node, push func(to operator.BatchReceiver) error) (failed string, err error) {
	rehearsal := r.newTask(t.Context.Context, t.Assignment, t.Read)
	rehearsal.Shuffle.Discard = true
	defer rehearsal.Shuffle.LeaveLarge()
	var dry *pipeline
	defer func() {
		if dry != nil {
			dry.abort()
		}
	}()
	where := &trace{at: input}
	err = protect(func() (err error) {
		if dry, err = r.assemble(rehearsal, input, where); err != nil {
			return err
		}
		return push(dry.first.(operator.BatchReceiver))
	})
	return fmt.Sprintf("%s at %v", where.at.Op, where.at.At), err
}

// trace knows the operator that works at the moment, and after a failure the one
// that failed.
type trace struct{ at *graph.Node }

// around notes that n works while push runs.
func (t *trace) around(n *graph.Node) func(push func() error) error {
	return func(push func() error) error {
		before := t.at
		t.at = n
		err := push()
		if err == nil {
			t.at = before
		}
		return err
	}
}
