package record

import (
	"fmt"
	"math"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// message makes the message of a record.
func message(r Record) (*pb.JournalRecord, error) {
	m := &pb.JournalRecord{UnixNanos: r.UnixNanos}
	if err := matches(r); err != nil {
		return nil, err
	}
	var at time.Duration
	switch ev := r.Event.(type) {
	case schedule.JobSubmitted:
		at = ev.At
		m.Event = &pb.JournalRecord_JobSubmitted{JobSubmitted: &pb.JobSubmittedEvent{
			Job: wire.EncodeJobID(ev.Job), Plan: wire.EncodePlan(&ev.Plan), Submission: encodeSubmission(r.Submission),
			Priority: clamp(ev.Priority), MaxRunning: clamp(ev.MaxRunning),
		}}
	case schedule.JobForgotten:
		at = ev.At
		m.Event = &pb.JournalRecord_JobForgotten{JobForgotten: &pb.JobForgottenEvent{Job: wire.EncodeJobID(ev.Job)}}
	case schedule.ExecutorJoined:
		at = ev.At
		m.Event = &pb.JournalRecord_ExecutorJoined{ExecutorJoined: &pb.ExecutorJoinedEvent{
			Executor: string(ev.Executor), Session: uint64(ev.Session), Slots: clamp(ev.Slots),
			Details: encodeDetails(r.Details), DiskLow: ev.Low,
		}}
	case schedule.DiskLow:
		at = ev.At
		m.Event = &pb.JournalRecord_DiskLow{DiskLow: &pb.DiskLowEvent{Executor: string(ev.Executor), Session: uint64(ev.Session), Low: ev.Low}}
	case schedule.ExecutorDraining:
		at = ev.At
		m.Event = &pb.JournalRecord_ExecutorDraining{ExecutorDraining: encodeDraining(ev, r.Drain)}
	case schedule.ExecutorLost:
		at = ev.At
		m.Event = &pb.JournalRecord_ExecutorLost{ExecutorLost: &pb.ExecutorLostEvent{
			Executor: string(ev.Executor), Session: uint64(ev.Session),
		}}
	case schedule.AttemptFinished:
		at = ev.At
		m.Event = &pb.JournalRecord_AttemptFinished{AttemptFinished: &pb.AttemptFinishedEvent{
			Executor: string(ev.Executor), Session: uint64(ev.Session),
			Attempt: wire.EncodeAttemptID(ev.Attempt), Result: wire.EncodeResult(&ev.Result),
		}}
	case schedule.AttemptFailed:
		at = ev.At
		m.Event = &pb.JournalRecord_AttemptFailed{AttemptFailed: &pb.AttemptFailedEvent{
			Executor: string(ev.Executor), Session: uint64(ev.Session),
			Attempt: wire.EncodeAttemptID(ev.Attempt), Failure: wire.EncodeReport(&ev.Failure),
			Unreadable: wire.EncodeOutputIDs(ev.Unreadable), Working: wire.EncodeRowRange(ev.Working),
		}}
	case schedule.CancelRequested:
		at = ev.At
		m.Event = &pb.JournalRecord_CancelRequested{CancelRequested: &pb.CancelRequestedEvent{
			Job: wire.EncodeJobID(ev.Job), Reason: ev.Reason,
		}}
	case schedule.Tick:
		at = ev.At
		m.Event = &pb.JournalRecord_Tick{Tick: &pb.TickEvent{}}
	default:
		return nil, fmt.Errorf("event of type %T is not known", ev)
	}
	m.AtNanos = int64(at)
	return m, nil
}

func encodeSubmission(s *Submission) *pb.Submission {
	if s == nil {
		return nil
	}
	m := &pb.Submission{Spec: wire.EncodeJobSpec(&s.Spec), Owner: s.Owner, IdempotencyKey: s.IdempotencyKey, Step: clamp(s.Step)}
	if s.Driver != (plan.JobID{}) {
		m.Driver = wire.EncodeJobID(s.Driver)
	}
	return m
}

// matches refuses what is said of an event of another kind: it would be lost.
func matches(r Record) error {
	_, submitted := r.Event.(schedule.JobSubmitted)
	_, joined := r.Event.(schedule.ExecutorJoined)
	_, draining := r.Event.(schedule.ExecutorDraining)
	switch {
	case r.Submission != nil && !submitted:
		return fmt.Errorf("%s has a submission", Name(r.Event))
	case r.Details != nil && !joined:
		return fmt.Errorf("%s has details of an executor", Name(r.Event))
	case r.Drain != nil && !draining:
		return fmt.Errorf("%s says how to drain", Name(r.Event))
	}
	return nil
}

func encodeDetails(d *Details) *pb.ExecutorDetails {
	if d == nil {
		return nil
	}
	return &pb.ExecutorDetails{
		DataAddress: d.DataAddress, MemoryBytes: d.MemoryBytes, BuildVersion: d.BuildVersion, Isolation: d.Isolation,
		Platform: &pb.Platform{Os: d.OS, Arch: d.Arch},
	}
}

func encodeDraining(ev schedule.ExecutorDraining, d *Drain) *pb.ExecutorDrainingEvent {
	m := &pb.ExecutorDrainingEvent{Executor: string(ev.Executor), Session: uint64(ev.Session)}
	if d != nil {
		m.DeadlineMillis, m.Reason = d.Deadline.Milliseconds(), d.Reason
	}
	return m
}

// clamp makes a number of the schema out of n. One that does not fit becomes one
// that is refused, not another number.
func clamp(n int) int32 {
	if n < math.MinInt32 || n > math.MaxInt32 {
		return math.MinInt32
	}
	return int32(n)
}
