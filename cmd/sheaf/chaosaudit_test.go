package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"

	"github.com/sheafdata/sheaf/coordinator/journal"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// auditor reads a coordinator's journal as a coordinator does, and checks what
// must hold after each record.
type auditor struct {
	core    *schedule.Core
	jobs    map[plan.JobID]*auditedJob
	keys    map[string]plan.JobID // of submissions
	records int
	failed  map[fault.Kind]int // attempts, by the kinds of their failures
	backups map[plan.AttemptID]bool
	since   string // why it has not seen everything; empty when it has
	wrong   []string
}

// auditedJob is what is known of a job.
type auditedJob struct {
	state    schedule.State
	launched map[plan.AttemptID]bool
	files    map[plan.AttemptID][]plan.StagedFile // that attempts reported
	winners  map[plan.TaskID]winner
	publish  []plan.StagedFile // that the latest Publish was given
	tries    int               // to publish
	done     bool
	canceled bool
	partial  bool // its beginning is in a snapshot
}

// winner is an attempt that counts.
type winner struct {
	epoch  uint32
	number int
}

// auditConfig is the scheduler's configuration by which coordinators run: with
// another one a replay gives another state.
var auditConfig = schedule.Config{BackupAfter: schedule.DefaultBackupAfter}

var _ journal.Machine = (*auditor)(nil)

func newAuditor() *auditor {
	return &auditor{core: schedule.New(auditConfig), jobs: map[plan.JobID]*auditedJob{}, keys: map[string]plan.JobID{}, failed: map[fault.Kind]int{}, backups: map[plan.AttemptID]bool{}}
}

func (a *auditor) complain(format string, args ...any) {
	a.wrong = append(a.wrong, fmt.Sprintf("record %d: ", a.records)+fmt.Sprintf(format, args...))
}

// Apply implements journal.Machine.
func (a *auditor) Apply(_ uint64, data []byte) any {
	a.records++
	r, err := record.Decode(data)
	if err != nil {
		a.complain("%v", err)
		return nil
	}
	a.before(r)
	looks := false
	for _, action := range a.core.Step(r.Event) {
		a.follow(action)
	}
	switch r.Event.(type) {
	case schedule.AttemptFinished, schedule.AttemptFailed, schedule.ExecutorLost, schedule.ExecutorJoined, schedule.CancelRequested, schedule.Tick:
		looks = true
	}
	if looks {
		a.look()
	}
	return nil
}

// before checks a record against those before it.
func (a *auditor) before(r record.Record) {
	switch ev := r.Event.(type) {
	case schedule.JobSubmitted:
		if a.jobs[ev.Job] != nil {
			a.complain("job %v is submitted twice", ev.Job)
			return
		}
		a.jobs[ev.Job] = newAuditedJob()
		if r.Submission == nil || r.Submission.IdempotencyKey == "" {
			return
		}
		key := r.Submission.Owner + " " + r.Submission.IdempotencyKey
		if first, ok := a.keys[key]; ok {
			a.complain("key %q is that of the jobs %v and %v", key, first, ev.Job)
		}
		a.keys[key] = ev.Job
	case schedule.AttemptFailed:
		a.failed[ev.Failure.Kind]++
	case schedule.AttemptFinished:
		j := a.jobs[ev.Attempt.Job]
		if j == nil || j.partial {
			return
		}
		if !j.launched[ev.Attempt] {
			a.complain("attempt %v ended and was not launched", ev.Attempt)
		}
		j.files[ev.Attempt] = ev.Result.Files
	}
}

func newAuditedJob() *auditedJob {
	return &auditedJob{
		state: schedule.Running, launched: map[plan.AttemptID]bool{}, files: map[plan.AttemptID][]plan.StagedFile{}, winners: map[plan.TaskID]winner{},
	}
}

// follow checks what is to be done.
func (a *auditor) follow(action schedule.Action) {
	switch action := action.(type) {
	case schedule.Launch:
		id := action.Assignment.Attempt
		j := a.jobs[id.Job]
		switch {
		case j == nil:
			a.complain("attempt %v of no job", id)
			return
		case j.launched[id]:
			a.complain("attempt %v is launched twice", id)
		case over(j.state):
			a.complain("attempt %v is launched, and the job is %s", id, j.state)
		}
		j.launched[id] = true
		if action.Assignment.Work == plan.Publish {
			a.publishes(j, id.Job, action.Assignment.Files)
		}
	case schedule.JobDone:
		if j := a.jobs[action.Job]; a.ends(action.Job) {
			j.done = true
			if j.tries == 0 && !j.partial {
				a.complain("job %v is done and was not published", action.Job)
			}
		}
	case schedule.JobFailed:
		if a.ends(action.Job) {
			a.jobs[action.Job].canceled = action.Canceled
		}
	}
}

// ends reports whether a job ends for the first time.
func (a *auditor) ends(id plan.JobID) bool {
	j := a.jobs[id]
	if j == nil || over(j.state) {
		a.complain("job %v ends again, or never began", id)
		return false
	}
	return true
}

// publishes checks that what is published are the files of the winners, and the
// same each time.
func (a *auditor) publishes(j *auditedJob, id plan.JobID, files []plan.StagedFile) {
	if j.tries++; j.tries > 1 && !slices.Equal(files, j.publish) {
		a.complain("job %v is published again with other files", id)
	}
	j.publish = files
	if j.partial {
		return
	}
	a.look() // who has won by now
	var want []plan.StagedFile
	for task, w := range j.winners {
		want = append(want, j.files[plan.AttemptID{Job: id, Task: task, Epoch: w.epoch, Number: w.number}]...)
	}
	if got := slices.Clone(files); !slices.Equal(sortedFiles(got), sortedFiles(want)) {
		a.complain("job %v publishes %v, and its winners wrote %v", id, got, want)
	}
}

func sortedFiles(files []plan.StagedFile) []plan.StagedFile {
	slices.SortFunc(files, func(a, b plan.StagedFile) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// look compares the state of all jobs with that of before.
func (a *auditor) look() {
	for _, job := range a.core.State().Jobs {
		j := a.jobs[job.ID]
		if j == nil {
			continue
		}
		if job.State != j.state && !slices.Contains(after[j.state], job.State) {
			a.complain("job %v was %s and is %s", job.ID, j.state, job.State)
		}
		j.state = job.State
		for stage, s := range job.Stages {
			for index, t := range s.Tasks {
				a.wins(j, job.ID, plan.TaskID{Stage: plan.StageID(stage), Index: index}, t)
			}
		}
	}
}

// wins checks that no task gets a winner while it has another.
func (a *auditor) wins(j *auditedJob, id plan.JobID, task plan.TaskID, t schedule.TaskCopy) {
	if b := t.Backup; b != nil {
		a.backups[plan.AttemptID{Job: id, Task: task, Epoch: b.Epoch, Number: b.Number}] = true
	}
	if !t.Won {
		delete(j.winners, task)
		return
	}
	now := winner{t.Epoch, t.Number}
	was, has := j.winners[task]
	if has && was != now {
		a.complain("task %v of job %v had winner %v and has %v", task, id, was, now)
	}
	attempt := plan.AttemptID{Job: id, Task: task, Epoch: now.epoch, Number: now.number}
	if _, reported := j.files[attempt]; !has && !reported && !j.partial {
		a.complain("attempt %v wins and has reported nothing", attempt)
	}
	j.winners[task] = now
}

// after says which states may follow one, sooner or later.
var after = map[schedule.State][]schedule.State{
	schedule.Running:    {schedule.Publishing, schedule.Ending, schedule.Discarding, schedule.Done, schedule.Failed},
	schedule.Publishing: {schedule.Ending, schedule.Discarding, schedule.Done, schedule.Failed},
	schedule.Ending:     {schedule.Discarding, schedule.Failed},
	schedule.Discarding: {schedule.Failed},
}

func over(s schedule.State) bool { return s == schedule.Done || s == schedule.Failed }

// Snapshot implements journal.Machine; nobody asks for one.
func (a *auditor) Snapshot() (func(io.Writer) error, error) {
	return func(io.Writer) error { return nil }, nil
}

// Restore implements journal.Machine. What a snapshot has replaced cannot be
// checked any more.
func (a *auditor) Restore(r io.Reader) error {
	var image struct {
		Core *schedule.CoreState `json:"core"`
	}
	err := json.NewDecoder(bufio.NewReader(s2.NewReader(r))).Decode(&image)
	if err != nil {
		return err
	}
	fresh := newAuditor()
	if fresh.core, err = schedule.Load(auditConfig, image.Core); err != nil {
		return err
	}
	for _, job := range image.Core.Jobs {
		j := newAuditedJob()
		j.state, j.partial, j.done = job.State, true, job.State == schedule.Done
		fresh.jobs[job.ID] = j
	}
	fresh.wrong, fresh.since = a.wrong, fmt.Sprintf("a snapshot of %d jobs", len(image.Core.Jobs))
	*a = *fresh
	return nil
}
