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
	ev := schedule.JobSubmitted{At: at}
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
	if m.GetPriority() == math.MinInt32 {
		return nil, fault.New(fault.Invalid, "submission.priority: is %d, want more", m.GetPriority())
	}
	if m.GetMaxRunning() < 0 {
		return nil, fault.New(fault.Invalid, "submission.max_running: is %d, want 0 or more", m.GetMaxRunning())
	}
	if err := short("submission.owner", m.GetOwner()); err != nil {
		return nil, err
	}
	return &Submission{
		Spec: spec, Owner: m.GetOwner(), IdempotencyKey: m.GetIdempotencyKey(),
		Priority: int(m.GetPriority()), MaxRunning: int(m.GetMaxRunning()),
	}, short("submission.idempotency_key", m.GetIdempotencyKey())
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

func readJoined(at time.Duration, m *pb.ExecutorJoinedEvent) (schedule.Event, error) {
	ev := schedule.ExecutorJoined{
		At: at, Executor: plan.ExecutorID(m.GetExecutor()), Session: plan.SessionID(m.GetSession()), Slots: int(m.GetSlots()),
	}
	if ev.Slots < 0 {
		return ev, fault.New(fault.Invalid, "slots: is %d, want 0 or more", ev.Slots)
	}
	return ev, session(ev.Executor, ev.Session)
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
	ev.Unreadable, err = wire.DecodeOutputIDs("unreadable", m.GetUnreadable())
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
