package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Action is something to be done. Actions for an executor belong to one of its
// sessions; when that session has ended meanwhile they are dropped.
type Action interface {
	action()
}

// Launch starts an attempt on an executor. It holds a slot there until the
// attempt is reported finished or failed, or the session is lost.
type Launch struct {
	Executor   plan.ExecutorID
	Session    plan.SessionID
	Assignment plan.Assignment
}

// Cancel stops an attempt. The executor still reports its end.
type Cancel struct {
	Executor plan.ExecutorID
	Session  plan.SessionID
	Attempt  plan.AttemptID
}

// Release says that nobody needs what these attempts wrote: the executor may
// delete their map outputs and staged files.
type Release struct {
	Executor plan.ExecutorID
	Session  plan.SessionID
	Attempts []plan.AttemptID
}

// ReleaseJob says that a job is over: the executor may delete all of it.
type ReleaseJob struct {
	Executor plan.ExecutorID
	Session  plan.SessionID
	Job      plan.JobID
}

// SetAside says that an executor takes no attempts for a while, because those of
// several tasks failed there one after the other. It is for people.
type SetAside struct {
	Executor plan.ExecutorID
	Failures int
	Until    time.Duration
}

// Reinstated says that an executor that was set aside takes attempts again: its
// time is over, or no other is left. It is for people.
type Reinstated struct {
	Executor plan.ExecutorID
}

// Damaged says that damaged bytes of a map output came to a reader, and what is to
// blame: the disk of its holder, else the network between the two. It is for people.
type Damaged struct {
	Output         plan.OutputID
	Holder, Reader plan.ExecutorID
	Disk           bool
}

// RolledBack says that tasks of a stage are done again, because one that they
// had read from gave other rows when it had to be repeated. It is for people.
type RolledBack struct {
	Job     plan.JobID
	Stage   plan.StageID
	Tasks   int // that had begun
	Because plan.TaskID
}

// JobDone says that a job's output is published.
type JobDone struct {
	Job     plan.JobID
	Figures plan.Figures
	// Rows are what the job collected for the driver, in (sink, stage, task) order.
	Rows []plan.CollectedRows
}

// JobFailed says that a job is over without output.
type JobFailed struct {
	Job     plan.JobID
	Failure fault.Report
	// Task is the task whose failure ended the job, where Attempts is above 0.
	Task plan.TaskID
	// Attempts is how many attempts the task had; 0 when no task is to blame.
	Attempts int
	// Canceled says that somebody asked for the end.
	Canceled bool
}

func (Launch) action()     {}
func (Cancel) action()     {}
func (Release) action()    {}
func (ReleaseJob) action() {}
func (SetAside) action()   {}
func (Reinstated) action() {}
func (Damaged) action()    {}
func (RolledBack) action() {}
func (JobDone) action()    {}
func (JobFailed) action()  {}
