// Package record turns the events of a coordinator into the records of its
// journal and back. A record is one sheaf.v1.JournalRecord; how records are kept
// together, and how a torn one is noticed, is for the journal to say. Reading is
// strict: a record that this build does not understand whole is refused, because
// a replay that skips something gives another state than the one that was.
//
// The package owns no goroutine.
package record

import (
	"fmt"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Record is one event with what the journal keeps beside it.
type Record struct {
	Event schedule.Event
	// UnixNanos is the event's time by the coordinator's clock, in nanoseconds
	// since 1970: for people only.
	UnixNanos int64
	// Submission says more of a JobSubmitted; nil for other events.
	Submission *Submission
	// Details says more of an ExecutorJoined; nil for other events.
	Details *Details
	// Drain says more of an ExecutorDraining; nil for other events.
	Drain *Drain
}

// Details is what an executor says of itself beside its slots.
type Details struct {
	DataAddress  string // where it serves map outputs, as host:port
	MemoryBytes  int64  // that it may use
	OS           string // as Go names it
	Arch         string // as Go names it
	BuildVersion string
	Isolation    string // how far user code is kept apart, for people
}

// Drain says how an executor is drained.
type Drain struct {
	Deadline time.Duration // how long its attempts may go on; whole milliseconds
	Reason   string        // for people; may be empty
}

// Submission is what a coordinator keeps of a submitted job beside its plan.
type Submission struct {
	Spec           plan.JobSpec // what executors need to run it
	Owner          string       // who submitted it
	IdempotencyKey string       // by which a repeated request is known
	// Driver is the job that asked for it and Step which of its jobs it is, from 1
	// on; both are zero for a job that was submitted.
	Driver plan.JobID
	Step   int
}

// Encode returns the bytes of a record, which Decode is sure to take: an event
// that does not pass its checks is an error of kind Invalid here, before it is
// written, and not when a coordinator starts again.
func Encode(r Record) ([]byte, error) {
	m, err := message(r)
	if err == nil {
		_, err = read(m)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, fmt.Errorf("journal record: %w", err))
	}
	data, err := wire.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, fmt.Errorf("journal record of %s: %w", Name(r.Event), err))
	}
	return data, nil
}

// Decode reads a record. It keeps nothing of data. Its errors are of kind
// Invalid and name the field.
func Decode(data []byte) (Record, error) {
	var m pb.JournalRecord
	if err := wire.UnmarshalKnown(data, &m); err != nil {
		return Record{}, fault.Wrap(fault.Invalid, fmt.Errorf("journal record: %w", err))
	}
	r, err := read(&m)
	if err != nil {
		return Record{}, fault.Wrap(fault.Invalid, fmt.Errorf("journal record: %w", err))
	}
	return r, nil
}

// Name returns the name of an event's type, for logs and tools.
func Name(ev schedule.Event) string {
	switch ev.(type) {
	case schedule.JobSubmitted:
		return "job_submitted"
	case schedule.JobForgotten:
		return "job_forgotten"
	case schedule.ExecutorJoined:
		return "executor_joined"
	case schedule.DiskLow:
		return "disk_low"
	case schedule.ExecutorDraining:
		return "executor_draining"
	case schedule.ExecutorLost:
		return "executor_lost"
	case schedule.AttemptFinished:
		return "attempt_finished"
	case schedule.AttemptFailed:
		return "attempt_failed"
	case schedule.CancelRequested:
		return "cancel_requested"
	case schedule.Tick:
		return "tick"
	}
	return fmt.Sprintf("%T", ev)
}

// read checks a parsed record.
func read(m *pb.JournalRecord) (r Record, err error) {
	r.UnixNanos = m.GetUnixNanos()
	at := time.Duration(m.GetAtNanos())
	defer func() {
		if err != nil && r.Event != nil {
			err = fmt.Errorf("%s: %w", Name(r.Event), err)
		}
	}()
	switch ev := m.GetEvent().(type) {
	case *pb.JournalRecord_JobSubmitted:
		r.Event, r.Submission, err = readSubmitted(at, ev.JobSubmitted)
	case *pb.JournalRecord_JobForgotten:
		r.Event, err = readForgotten(at, ev.JobForgotten)
	case *pb.JournalRecord_ExecutorJoined:
		r.Event, r.Details, err = readJoined(at, ev.ExecutorJoined)
	case *pb.JournalRecord_DiskLow:
		r.Event, err = readDiskLow(at, ev.DiskLow)
	case *pb.JournalRecord_ExecutorDraining:
		r.Event, r.Drain, err = readDraining(at, ev.ExecutorDraining)
	case *pb.JournalRecord_ExecutorLost:
		r.Event, err = readLost(at, ev.ExecutorLost)
	case *pb.JournalRecord_AttemptFinished:
		r.Event, err = readFinished(at, ev.AttemptFinished)
	case *pb.JournalRecord_AttemptFailed:
		r.Event, err = readFailed(at, ev.AttemptFailed)
	case *pb.JournalRecord_CancelRequested:
		r.Event, err = readCancel(at, ev.CancelRequested)
	case *pb.JournalRecord_Tick:
		r.Event = schedule.Tick{At: at}
	default:
		err = fault.New(fault.Invalid, "event: is missing")
	}
	return r, err
}
