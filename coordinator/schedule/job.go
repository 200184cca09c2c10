package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// State says how far a job is. States only move forward.
type State string

// The states of a job. Ending waits for its attempts to end, Discarding for
// the removal of what it staged.
const (
	Running    State = "running"
	Publishing State = "publishing"
	Ending     State = "ending"
	Discarding State = "discarding"
	Done       State = "done"
	Failed     State = "failed"
)

type job struct {
	id    plan.JobID
	seq   int
	plan  *plan.Plan
	state State

	priority   int
	maxRunning int // attempts at once; 0 for no bound
	drives     bool

	stages    []*stage
	exchanges []*exchange
	enumerate *stage // a task for each stage, used for those with a source
	publish   *stage // one task
	// Invariant: left is the number of stages that are not complete.
	left int

	ready heap[*task]  // tasks that go before fresh ones
	fresh heap[*stage] // stages with fresh tasks
	// running are the tasks with a running attempt, in no particular order.
	running    []*task
	queueIndex int // in Core.queue, or -1

	collected int64 // bytes of the winners' rows for the driver

	ran     bool      // a Run was launched: something may be staged
	failure JobFailed // why it ends
	final   Progress  // when over
}

// lessBusy puts the job of the highest priority first, then the one with the
// fewest running attempts.
func lessBusy(a, b *job) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	if len(a.running) != len(b.running) {
		return len(a.running) < len(b.running)
	}
	return a.seq < b.seq
}

// full reports whether the job is at its limit of running attempts.
func (j *job) full() bool { return j.maxRunning > 0 && len(j.running) >= j.maxRunning }

// hasWork reports whether the job has tasks that wait for slots, or seems to:
// the input of some may have gone missing.
func (j *job) hasWork() bool { return j.ready.len() > 0 || j.fresh.len() > 0 }

func (j *job) over() bool { return j.state == Done || j.state == Failed }

// find returns the task with an id, or nil.
func (j *job) find(id plan.TaskID) *task {
	s := j.stageOf(id.Stage)
	if s == nil || id.Index < 0 || id.Index >= len(s.tasks) {
		return nil
	}
	return &s.tasks[id.Index]
}

func (j *job) stageOf(id plan.StageID) *stage {
	switch {
	case id == plan.EnumerateStage:
		return j.enumerate
	case id == plan.PublishStage:
		return j.publish
	case id >= 0 && int(id) < len(j.stages):
		return j.stages[id]
	}
	return nil
}

func (c *Core) submitted(ev JobSubmitted) {
	if c.jobs[ev.Job] != nil {
		return
	}
	j := &job{
		id: ev.Job, seq: c.nextSeq(), plan: &ev.Plan, queueIndex: -1, state: Running,
		priority: ev.Priority, maxRunning: max(ev.MaxRunning, 0),
	}
	if c.plant == plantNoPriority {
		j.priority = 0
	}
	c.jobs[j.id] = j
	if err := checkPlan(j.plan); err != nil {
		j.failure = JobFailed{Job: j.id, Failure: fault.ReportOf(err)}
		c.end(j, Failed, j.failure)
		return
	}
	j.build()
	c.live = append(c.live, j)
	for _, s := range j.stages {
		if s.input == nil {
			c.requeue(&j.enumerate.tasks[s.id])
		}
	}
}

func (c *Core) forgotten(ev JobForgotten) {
	if j := c.jobs[ev.Job]; j != nil && j.over() {
		delete(c.jobs, ev.Job)
	}
}

func (c *Core) cancelRequested(ev CancelRequested) {
	j := c.jobs[ev.Job]
	if j == nil || j.over() {
		return
	}
	// The first Publish is the point of no return: from then on the output may
	// be visible, so the only consistent end is to go on.
	if j.state == Publishing && j.publish.tasks[0].number > 0 && c.plant != plantCancelPublish {
		return
	}
	message := "canceled"
	if ev.Reason != "" {
		message += ": " + ev.Reason
	}
	c.abort(j, JobFailed{Failure: fault.Report{Kind: fault.Canceled, Message: message}, Canceled: true})
}

// abort ends a job without output: its attempts are cancelled, then what it
// staged is discarded, then its failure is reported.
func (c *Core) abort(j *job, why JobFailed) {
	if j.state != Running && j.state != Publishing {
		return
	}
	why.Job = j.id
	j.failure = why
	j.state = Ending
	j.ready.items, j.fresh.items = nil, nil
	slices.SortFunc(j.running, compareTasks)
	for i, t := range j.running {
		t.inJob = i
		c.emit(Cancel{Executor: t.exec.id, Session: t.session, Attempt: t.attempt()})
	}
	c.discardWhenQuiet(j)
}

// discardWhenQuiet begins the Discard of an ending job once no attempt of it
// runs: an attempt that still writes would leave files behind. Without an
// executor there is nobody to discard: the failure is reported at once and
// the leftovers are for whoever sweeps staging directories.
func (c *Core) discardWhenQuiet(j *job) {
	if j.state != Ending || len(j.running) > 0 && c.plant != plantDiscardEarly {
		return
	}
	if !j.ran || c.usable == 0 {
		c.end(j, Failed, j.failure)
		return
	}
	j.state = Discarding
	t := &j.publish.tasks[0]
	t.past = nil
	c.requeue(t)
}

// discardFailed decides whether to try again.
func (c *Core) discardFailed(t *task, failure fault.Report) {
	j := t.job()
	p := t.history()
	p.faults++
	if p.faults < maxDiscards && c.usable > 0 {
		c.retry(t, failure.Kind)
		return
	}
	if j.failure.Failure.Detail != "" {
		j.failure.Failure.Detail += "\n"
	}
	j.failure.Failure.Detail += "staged files may be left: " + failure.Message
	c.end(j, Failed, j.failure)
}

// startPublish begins the publishing of a job whose stages are all complete.
func (c *Core) startPublish(j *job) {
	// The last source may have been an empty one, without a task to tell.
	if err := c.tooBad(j, &plan.Result{}, true); err != nil {
		c.abort(j, JobFailed{Failure: fault.ReportOf(err)})
		return
	}
	j.state = Publishing
	c.requeue(&j.publish.tasks[0])
}

// published ends a job well.
func (c *Core) published(j *job) {
	var figures plan.Figures
	for _, s := range j.stages {
		figures.Add(s.figures)
	}
	c.end(j, Done, JobDone{Job: j.id, Figures: figures, Rows: j.collectedRows()})
}

// end reports the end of a job and frees all that only a live job needs.
func (c *Core) end(j *job, state State, report Action) {
	j.state = state
	j.final = j.progress()
	c.emit(report)
	for _, t := range slices.Clone(j.running) { // backups that lost
		c.detach(t)
	}
	if j.queueIndex >= 0 {
		c.queue.remove(j.queueIndex)
	}
	j.stages, j.exchanges, j.enumerate, j.publish = nil, nil, nil, nil
	j.ready.items, j.fresh.items, j.running = nil, nil, nil
	i := slices.Index(c.live, j)
	if i < 0 { // refused at submission: nobody has heard of it
		return
	}
	c.live = slices.Delete(c.live, i, i+1)
	for _, e := range c.order {
		delete(e.held, j)
		if e.live {
			c.emit(ReleaseJob{Executor: e.id, Session: e.session, Job: j.id})
		}
	}
}
