package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Progress says how far a job is.
type Progress struct {
	State  State
	Stages []StageProgress // in stage order; empty for a job refused at submission
	// Counters are what user code counted in done tasks.
	Counters []plan.Counter
	// Joins are those that could run in two forms, as far as they are decided.
	Joins []plan.Join
	// HotKeys are keys that have so much of a decided exchange that one task gets
	// more than its share.
	HotKeys []plan.HotKey
}

// StageProgress says how far a stage is. Waiting + Running + Done = Tasks.
type StageProgress struct {
	ID      plan.StageID
	Name    string
	Known   bool // whether Tasks is decided
	Tasks   int
	Waiting int
	Running int
	Done    int
	Failed  int          // attempts that failed or were lost, over the stage's life
	Bytes   int64        // input of all tasks; rows for sources in memory
	Figures plan.Figures // of done tasks
}

// Progress returns a copy of a job's progress; false when the job is unknown.
func (c *Core) Progress(id plan.JobID) (Progress, bool) {
	j := c.jobs[id]
	switch {
	case j == nil:
		return Progress{}, false
	case j.over():
		p := j.final
		p.Stages = append([]StageProgress(nil), p.Stages...)
		p.HotKeys = slices.Clone(p.HotKeys)
		return p, true
	}
	return j.progress(), true
}

func (j *job) progress() Progress {
	p := Progress{State: j.state}
	var sums plan.Figures
	for _, s := range j.stages {
		sums.Add(s.figures)
		p.Stages = append(p.Stages, StageProgress{
			ID: s.id, Name: s.plan.Name, Known: s.known,
			Tasks: len(s.tasks), Running: s.running, Done: s.done,
			Waiting: len(s.tasks) - s.running - s.done,
			Failed:  s.failed, Bytes: s.bytes, Figures: s.figures,
		})
	}
	for _, x := range j.exchanges {
		if x.form != Undecided {
			p.Joins = append(p.Joins, plan.Join{
				Name: x.plan.Name + " at " + x.plan.Side.At, Broadcast: x.form == Broadcast, Rows: x.sideRows, Bytes: x.sideBytes, Pinned: x.plan.Side.Pinned,
			})
		}
	}
	p.HotKeys = j.hotKeys()
	p.Counters = plan.Counted(j.plan.Counters, sums.Counters)
	return p
}
