package record

import (
	"math"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Each function here checks one kind of event. It returns an event even with an
// error, by which the error is named.

func readSubmitted(at time.Duration, m *pb.JobSubmittedEvent) (schedule.Event, *Submission, error) {
	ev := schedule.JobSubmitted{At: at, Priority: int(m.GetPriority()), MaxRunning: int(m.GetMaxRunning())}
	if m.GetPriority() == math.MinInt32 {
		return ev, nil, fault.New(fault.Invalid, "priority: is %d, want more", m.GetPriority())
	}
	if m.GetMaxRunning() < 0 {
		return ev, nil, fault.New(fault.Invalid, "max_running: is %d, want 0 or more", m.GetMaxRunning())
	}
	var err error
	if ev.Job, err = wire.DecodeJobID("job", m.GetJob()); err != nil {
		return ev, nil, err
	}
	if ev.Plan, err = wire.DecodePlan(m.GetPlan()); err != nil {
		return ev, nil, err
	}
	s, err := readSubmission(m.GetSubmission())
	if err == nil && s != nil && s.Spec.Job != ev.Job {
		err = fault.New(fault.Invalid, "submission.job_spec.job: is %v, want that of the event, %v", s.Spec.Job, ev.Job)
	}
	return ev, s, err
}

func readSubmission(m *pb.Submission) (*Submission, error) {
	if m == nil {
		return nil, nil
	}
	spec, err := wire.DecodeJobSpec(m.GetSpec())
	if err != nil {
		return nil, err
	}
	if err := short("submission.owner", m.GetOwner()); err != nil {
		return nil, err
	}
	s := &Submission{Spec: spec, Owner: m.GetOwner(), IdempotencyKey: m.GetIdempotencyKey(), Step: int(m.GetStep())}
	if len(m.GetDriver()) > 0 {
		if s.Driver, err = wire.DecodeJobID("submission.driver", m.GetDriver()); err != nil {
			return nil, err
		}
	}
	if of := s.Driver != (plan.JobID{}); s.Step < 0 || of != (s.Step > 0) {
		return nil, fault.New(fault.Invalid, "submission.step: is %d of driver %v", s.Step, s.Driver)
	}
	return s, short("submission.idempotency_key", m.GetIdempotencyKey())
}

// maxText bounds a name or a reason, in bytes.
const maxText = 64 << 10

func short(field, s string) error {
	if len(s) > maxText {
		return fault.New(fault.Invalid, "%s: %d bytes, at most %d", field, len(s), maxText)
	}
	return nil
}

func readForgotten(at time.Duration, m *pb.JobForgottenEvent) (schedule.Event, error) {
	job, err := wire.DecodeJobID("job", m.GetJob())
	return schedule.JobForgotten{At: at, Job: job}, err
}

func readJoined(at time.Duration, m *pb.ExecutorJoinedEvent) (schedule.Event, *Details, error) {
	ev := schedule.ExecutorJoined{
		At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession()), Slots: int(m.GetSlots()), Low: m.GetDiskLow(),
	}
	if ev.Slots < 0 {
		return ev, nil, fault.New(fault.Invalid, "slots: is %d, want 0 or more", ev.Slots)
	}
	if err := session(ev.Executor, ev.Session); err != nil {
		return ev, nil, err
	}
	d, err := readDetails(m.GetDetails())
	return ev, d, err
}

func readDetails(m *pb.ExecutorDetails) (*Details, error) {
	if m == nil {
		return nil, nil
	}
	d := &Details{
		DataAddress: m.GetDataAddress(), MemoryBytes: m.GetMemoryBytes(), BuildVersion: m.GetBuildVersion(), Isolation: m.GetIsolation(),
		OS: m.GetPlatform().GetOs(), Arch: m.GetPlatform().GetArch(),
	}
	if d.MemoryBytes < 0 {
		return nil, fault.New(fault.Invalid, "details.memory_bytes: is %d, want 0 or more", d.MemoryBytes)
	}
	for _, text := range []struct{ field, value string }{
		{"data_address", d.DataAddress}, {"build_version", d.BuildVersion}, {"isolation", d.Isolation}, {"platform.os", d.OS}, {"platform.arch", d.Arch},
	} {
		if err := short("details."+text.field, text.value); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func readDiskLow(at time.Duration, m *pb.DiskLowEvent) (schedule.Event, error) {
	ev := schedule.DiskLow{At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession()), Low: m.GetLow()}
	return ev, session(ev.Executor, ev.Session)
}

func readDraining(at time.Duration, m *pb.ExecutorDrainingEvent) (schedule.Event, *Drain, error) {
	ev := schedule.ExecutorDraining{At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession())}
	if err := session(ev.Executor, ev.Session); err != nil {
		return ev, nil, err
	}
	const most = math.MaxInt64 / int64(time.Millisecond)
	if n := m.GetDeadlineMillis(); n < 0 || n > most {
		return ev, nil, fault.New(fault.Invalid, "deadline_millis: is %d, want 0 to %d", n, most)
	}
	d := &Drain{Deadline: time.Duration(m.GetDeadlineMillis()) * time.Millisecond, Reason: m.GetReason()}
	if *d == (Drain{}) {
		return ev, nil, nil
	}
	return ev, d, short("reason", d.Reason)
}

func readLost(at time.Duration, m *pb.ExecutorLostEvent) (schedule.Event, error) {
	ev := schedule.ExecutorLost{At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession())}
	return ev, session(ev.Executor, ev.Session)
}

func readFinished(at time.Duration, m *pb.AttemptFinishedEvent) (schedule.Event, error) {
	ev := schedule.AttemptFinished{At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession())}
	err := session(ev.Executor, ev.Session)
	if err != nil {
		return ev, err
	}
	if ev.Attempt, err = wire.DecodeAttemptID(m.GetAttempt()); err != nil {
		return ev, err
	}
	ev.Result, err = wire.DecodeResult(m.GetResult())
	return ev, err
}

func readFailed(at time.Duration, m *pb.AttemptFailedEvent) (schedule.Event, error) {
	ev := schedule.AttemptFailed{At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession())}
	err := session(ev.Executor, ev.Session)
	if err != nil {
		return ev, err
	}
	if ev.Attempt, err = wire.DecodeAttemptID(m.GetAttempt()); err != nil {
		return ev, err
	}
	if ev.Failure, err = wire.DecodeReport(m.GetFailure()); err != nil {
		return ev, err
	}
	if ev.Unreadable, err = wire.DecodeOutputIDs("unreadable", m.GetUnreadable()); err != nil {
		return ev, err
	}
	ev.Working, err = wire.DecodeRowRange("working", m.GetWorking())
	return ev, err
}

func readCancel(at time.Duration, m *pb.CancelRequestedEvent) (schedule.Event, error) {
	ev := schedule.CancelRequested{At: at, Reason: m.GetReason()}
	err := short("reason", ev.Reason)
	if err != nil {
		return ev, err
	}
	ev.Job, err = wire.DecodeJobID("job", m.GetJob())
	return ev, err
}

// session checks the names of an executor and its session.
func session(e plan.ExecutorID, s plan.SessionID) error {
	switch {
	case e == "":
		return fault.New(fault.Invalid, "executor: is empty")
	case s == 0:
		return fault.New(fault.Invalid, "session: is 0")
	}
	return short("executor", string(e))
}
