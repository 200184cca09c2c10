package schedule

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

type taskState uint8

const (
	fresh   taskState = iota // never launched; its stage's cursor will reach it
	ready                    // in the job's ready heap
	blocked                  // waits in its stage until the stage's input is complete
	waiting                  // waits for a timer after a transient failure
	parked                   // waits for a slot on an executor that is not closed to it
	running                  // number is running on exec
	done                     // number won on exec
)

// task is one task of a stage, or a pseudo task of the job.
type task struct {
	stage *stage
	index int
	state taskState
	// number is that of the attempt that runs or ran last, epoch that of the stage
	// at its launch.
	number int
	epoch  uint32
	// last is the highest number of all attempts, backups included.
	last  int
	began time.Duration // of the attempt
	bytes int64         // of input, at about
	twin  *task         // its backup, while that runs
	of    *task         // of a backup, the task
	// canceled says that a backup lost; watched that a timer looks whether the
	// task is slow.
	canceled, watched bool
	exec              *executor // where number runs or won
	// session is the session of exec under which number was launched.
	session plan.SessionID
	// inJob and inExec are the places in the lists of running tasks.
	inJob, inExec int
	// lost says that the task is done but its map outputs are gone.
	lost bool
	// measured says that the task's outputs are counted in their exchanges.
	measured bool
	splits   []plan.Split
	outcome  *outcome // of the winner
	past     *past    // of failures, nil while there are none
}

// outcome is what the winning attempt of a task left.
type outcome struct {
	outputs []plan.MapOutput // in the order of the stage's exchanges
	files   []plan.StagedFile
	rows    []plan.CollectedRows
	bad     []plan.BadRow // the first that were left out
	figures plan.Figures
	content []Content // of outputs
}

// past is what is known of a task's bad luck.
type past struct {
	charged, faults int
	last            fault.Report // charged failure
	alike           bool         // all charged failures had one kind and message
	places          []place
	// superseded are attempts that won once and do not count any more.
	superseded []int
	before     *Former // of the last winner that was superseded
	// again is the attempt that was the first not to get its input.
	again  int
	damage *damage // of its input, until it is known what is to blame
	// suspect are rows at which the last process ended, deadly those that are known
	// to end one; accused says that suspect was charged.
	suspect *plan.RowRange
	accused bool
	// suspectedAt is the last attempt that did not know of suspect: a backup that
	// ran already was not alone in its process, and convicts no row.
	suspectedAt int
	deadly      []plan.DeadlyRow
}

// place counts the failures of a task on one executor.
type place struct {
	exec     *executor
	failures int
	full     int // of them, those for want of room on its disks
	// doubtful says that one of them was charged to the task, and may turn out to
	// be the place's fault: see blame.
	doubtful bool
}

func (t *task) job() *job { return t.stage.job }

func (t *task) id() plan.TaskID { return plan.TaskID{Stage: t.stage.id, Index: t.index} }

func (t *task) attempt() plan.AttemptID {
	return plan.AttemptID{Job: t.stage.job.id, Task: t.id(), Epoch: t.epoch, Number: t.number}
}

// void reports whether the running attempt began before its stage was rolled
// back: whatever it does is of no use.
func (t *task) void() bool { return t.epoch != t.stage.epoch }

// wanted reports whether the job is in a state in which the task may run.
func (t *task) wanted() bool {
	j := t.job()
	if t.stage == j.publish {
		return j.state == Publishing || j.state == Discarding
	}
	return j.state == Running
}

func (t *task) history() *past {
	if t.past == nil {
		t.past = &past{}
	}
	return t.past
}

// failedOn notes that the task failed, or that its output was unreadable, on an executor.
func (p *past) failedOn(e *executor) *place {
	i := slices.IndexFunc(p.places, func(pl place) bool { return pl.exec == e })
	if i < 0 {
		i = len(p.places)
		p.places = append(p.places, place{exec: e})
	}
	p.places[i].failures++
	return &p.places[i]
}

func (p *past) failuresOn(e *executor) int {
	if p == nil {
		return 0
	}
	for _, pl := range p.places {
		if pl.exec == e {
			return pl.failures
		}
	}
	return 0
}

func lessTask(a, b *task) bool { return compareTasks(a, b) < 0 }

// compareTasks orders tasks by job, stage, index and attempt.
func compareTasks(a, b *task) int {
	return cmp.Or(
		cmp.Compare(a.stage.job.seq, b.stage.job.seq),
		cmp.Compare(a.stage.id, b.stage.id),
		cmp.Compare(a.index, b.index),
		cmp.Compare(a.number, b.number), // of a task and its backup
	)
}

// addBytes adds two sizes that came from outside; it stops at the largest
// number instead of wrapping around, and takes negative sizes as 0.
func addBytes(a, b int64) int64 {
	a, b = max(a, 0), max(b, 0)
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
