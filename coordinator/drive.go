package coordinator

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// maxSteps bounds the jobs of one driver: they are kept while it runs.
const maxSteps = 1 << 16

// driverEnded is the reason for which jobs of a driver are canceled.
const driverEnded = "the driver that runs it has ended"

// asked is who waits for the end of a driver's job.
type asked struct {
	s       *session
	attempt plan.AttemptID
}

// stepID is the id of a driver's job: whoever asks for a step again, also of a
// coordinator that starts again, asks for the same job.
func stepID(driver plan.JobID, step int) plan.JobID {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte("sheaf driver step "), driver[:]...), uint64(step)))
	return plan.JobID(sum[:len(plan.JobID{})])
}

// runJob runs a job for a driver, or tells how it ended. It may be asked again.
func (l *loop) runJob(s *session, st *stream, m wire.RunJob) {
	if !l.current(s, st) {
		return
	}
	id := stepID(m.Attempt.Job, m.Step)
	err := l.checkRunJob(s, &m, id)
	if err == nil && l.machine.jobs[id] == nil && !l.beginning[id] {
		err = l.beginStep(m, id)
	}
	if err != nil {
		l.refuseStep(s, m.Attempt, m.Step, err)
		return
	}
	if j := l.machine.jobs[id]; j != nil && j.over() {
		l.tellStep(asked{s, m.Attempt}, j)
		return
	}
	l.asked[id] = asked{s, m.Attempt}
}

// checkRunJob refuses what no driver that runs there may ask.
func (l *loop) checkRunJob(s *session, m *wire.RunJob, id plan.JobID) error {
	switch {
	case !l.machine.core.Drives(s.executor, s.id, m.Attempt):
		return fault.New(fault.Lost, "attempt %v of a driver does not run on executor %s any more", m.Attempt, s.executor)
	case l.machine.core.Canceled(m.Attempt):
		return fault.New(fault.Canceled, "the driver is canceled")
	case m.Step < 1 || m.Step > maxSteps:
		return fault.New(fault.Invalid, "a driver runs at most %d jobs", maxSteps)
	case schedule.Drives(&m.Plan):
		return fault.New(fault.Invalid, "a driver runs jobs, and %s is a driver", m.Plan.Name)
	}
	if err := schedule.CheckPlan(&m.Plan); err != nil {
		return err
	}
	if j := l.machine.jobs[id]; j != nil {
		old := &j.submission.Spec
		if old.Name != m.Plan.Name || old.Args != m.Plan.Args || old.Fingerprint != m.Plan.Fingerprint {
			return fault.New(fault.Invalid, "the driver was started again and ran %s with %.200s as its job %d, which was %s with %.200s: what a driver runs may depend on its arguments and on what its jobs returned only",
				m.Plan.Name, m.Plan.Args, m.Step, old.Name, old.Args)
		}
	}
	return nil
}

// beginStep submits a job for a driver. The job is the driver's in all but its plan.
func (l *loop) beginStep(m wire.RunJob, id plan.JobID) error {
	driver := l.machine.jobs[m.Attempt.Job]
	if kept := l.machine.returnedBytes(driver.id); kept > l.cfg.Limits.FinishedBytes {
		return fault.New(fault.Invalid, "the jobs of this driver returned %s, which is kept while it runs, and the limit is %s: return less, or keep datasets with Persist",
			memory.FormatSize(kept), memory.FormatSize(l.cfg.Limits.FinishedBytes))
	}
	spec := driver.submission.Spec
	spec.Job, spec.Name, spec.Args, spec.Fingerprint, spec.Graph = id, m.Plan.Name, m.Plan.Args, m.Plan.Fingerprint, m.Graph
	r := record.Record{
		Event: schedule.JobSubmitted{At: l.now(), Job: id, Plan: m.Plan, Priority: driver.priority, MaxRunning: driver.maxRunning},
		Submission: &record.Submission{
			Spec: spec, Owner: driver.submission.Owner, Driver: driver.id, Step: m.Step,
		},
	}
	var refused error
	l.beginning[id] = true
	l.propose(r, func(err error) {
		delete(l.beginning, id)
		if err == nil {
			l.log.Info("job of a driver", "job", id.Short(), "name", m.Plan.Name, "driver", driver.id.Short(), "step", m.Step)
			return
		}
		refused = err // at once, or with the term, when the driver asks again
		delete(l.asked, id)
	})
	return refused
}

// refuseStep tells a driver that a job cannot be run.
func (l *loop) refuseStep(s *session, attempt plan.AttemptID, step int, err error) {
	report := fault.ReportOf(err)
	s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_JobEnded{
		JobEnded: wire.EncodeJobEnded(&wire.JobEnded{Attempt: attempt, Step: step, Failure: &report}),
	}})
}

// tellStep tells a driver how a job of its ended.
func (l *loop) tellStep(to asked, j *job) {
	end := wire.JobEnded{Attempt: to.attempt, Step: j.submission.Step, Job: j.id, Elapsed: j.ended - j.submitted}
	progress, _ := l.machine.core.Progress(j.id)
	for _, s := range progress.Stages {
		end.Tasks += int64(s.Tasks)
	}
	switch {
	case j.failed != nil:
		end.Failure = &j.failed.Failure
	default:
		end.Figures, end.HotKeys = j.done.Figures, progress.HotKeys
		for _, rows := range cutRows(j.done.Rows) {
			to.s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_JobRows{JobRows: &pb.JobRows{
				Attempt: wire.EncodeAttemptID(to.attempt), Step: int32(j.submission.Step), Piece: int32(end.Pieces), Rows: rows,
			}}})
			end.Pieces++
		}
	}
	to.s.plainly(&pb.ConnectResponse{Message: &pb.ConnectResponse_JobEnded{JobEnded: wire.EncodeJobEnded(&end)}})
}

// stepEnded follows up on a job that is over: the driver that waits for it hears
// of it, and the jobs that it ran as a driver end.
func (l *loop) stepEnded(id plan.JobID) {
	j := l.machine.jobs[id]
	if j == nil {
		return
	}
	if to, ok := l.asked[id]; ok {
		delete(l.asked, id)
		if l.session(to.s.executor, to.s.id) == to.s {
			l.tellStep(to, j)
		}
	}
	l.endSteps(j)
}

// endSteps cancels the jobs of a driver that is over.
func (l *loop) endSteps(driver *job) {
	for _, j := range l.machine.steps[driver.id] {
		if !j.over() {
			l.propose(record.Record{Event: schedule.CancelRequested{At: l.now(), Job: j.id, Reason: driverEnded}}, nil)
		}
	}
}

// endOrphans cancels the jobs of drivers that ended before this term: whoever led
// then may not have come to it.
func (l *loop) endOrphans() {
	for id := range l.machine.steps {
		if driver := l.machine.jobs[id]; driver != nil && driver.over() {
			l.endSteps(driver)
		}
	}
}

// addSteps shows a driver's jobs as stages of its own: one for each name, whose
// tasks are the runs. It returns what all of them counted, and their hottest keys.
func (l *loop) addSteps(snap *pb.JobSnapshot, driver *job, figures *plan.Figures) (counters []plan.Counter, hot []plan.HotKey) {
	steps := l.machine.steps[driver.id]
	if len(steps) == 0 {
		return nil, nil
	}
	at := map[string]*pb.StageProgress{}
	snap.Stages = nil
	for _, j := range steps {
		name := j.submission.Spec.Name
		s := at[name]
		if s == nil {
			s = &pb.StageProgress{Id: int32(len(snap.Stages)), Name: name, Started: true, Known: driver.over(), Ended: driver.over()}
			at[name] = s
			snap.Stages = append(snap.Stages, s)
		}
		s.Tasks++
		switch {
		case j.done != nil:
			s.Done++
		case j.failed != nil:
			s.Failed++
		default:
			s.Running++
		}
		p, _ := l.machine.core.Progress(j.id)
		for _, stage := range p.Stages {
			stage.Figures.Counters = nil // each job numbers its own
			figures.Add(stage.Figures)
			s.Rows += stage.Figures.RowsIn
			s.Bytes += stage.Figures.BytesIn
		}
		counters = addCounters(counters, p.Counters)
		hot = plan.Hottest(append(hot, p.HotKeys...))
	}
	return counters, hot
}

// addCounters adds counters of the same name. Beyond as many names as one job may
// have it leaves out further ones: jobs of a driver may each have their own.
func addCounters(sums, more []plan.Counter) []plan.Counter {
	for _, n := range more {
		i := slices.IndexFunc(sums, func(s plan.Counter) bool { return s.Name == n.Name })
		switch {
		case i >= 0:
			sums[i].Value += n.Value
		case len(sums) < plan.MaxCounters:
			sums = append(sums, n)
		}
	}
	return sums
}
