package wire

import (
	"math"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// readMessage checks a frame and returns what it says.
func readMessage(c *checker, f *pb.WorkerFrame) Message {
	switch m := f.GetMessage().(type) {
	case *pb.WorkerFrame_Hello:
		return one(c, "hello", m.Hello, readHello)
	case *pb.WorkerFrame_Start:
		return one(c, "start", m.Start, readStart)
	case *pb.WorkerFrame_Ready:
		return one(c, "ready", m.Ready, readReady)
	case *pb.WorkerFrame_Launch:
		return one(c, "launch", m.Launch, readLaunch)
	case *pb.WorkerFrame_Cancel:
		return one(c, "cancel", m.Cancel, readCancel)
	case *pb.WorkerFrame_Progress:
		return one(c, "progress", m.Progress, readProgress)
	case *pb.WorkerFrame_Finished:
		return one(c, "finished", m.Finished, readFinished)
	case *pb.WorkerFrame_Failed:
		return one(c, "failed", m.Failed, readFailed)
	case *pb.WorkerFrame_Executors:
		return one(c, "executors", m.Executors, readExecutors)
	case *pb.WorkerFrame_Release:
		return one(c, "release", m.Release, readRelease)
	case *pb.WorkerFrame_Shutdown:
		return one(c, "shutdown", m.Shutdown, readShutdown)
	case *pb.WorkerFrame_RunJob:
		return one(c, "run_job", m.RunJob, readRunJob)
	case *pb.WorkerFrame_JobRows:
		return one(c, "job_rows", m.JobRows, readJobRows)
	case *pb.WorkerFrame_JobEnded:
		return one(c, "job_ended", m.JobEnded, readJobEnded)
	case *pb.WorkerFrame_DiskWanted:
		return one(c, "disk_wanted", m.DiskWanted, readDiskWanted)
	case *pb.WorkerFrame_DiskLent:
		return one(c, "disk_lent", m.DiskLent, readDiskLent)
	case *pb.WorkerFrame_DiskReturned:
		return one(c, "disk_returned", m.DiskReturned, readDiskReturned)
	}
	c.fail("message", "is missing or not known")
	return nil
}

func readHello(c *checker, m *pb.WorkerHello) Hello {
	return Hello{
		Protocol:     c.versions(m.GetProtocolMin(), m.GetProtocolMax()),
		BuildVersion: c.name("build_version", m.GetBuildVersion()),
	}
}

func readStart(c *checker, m *pb.WorkerStart) Start {
	s := Start{
		Protocol:    c.number("protocol", m.GetProtocol()),
		Executor:    plan.ExecutorID(c.given("executor", m.GetExecutor())),
		Job:         one(c, "job", m.GetJob(), readJobSpec),
		MemoryBytes: c.quantity("memory_bytes", m.GetMemoryBytes()),
		Slots:       c.number("slots", m.GetSlots()),
		DataAddress: c.name("data_address", m.GetDataAddress()),
		Executors:   one(c, "executors", m.GetExecutors(), readExecutors),
		Progress:    c.millis("progress_millis", m.GetProgressMillis()),
		DiskLimited: m.GetDiskLimited(),
	}
	if c.length("directories", len(m.GetDirectories())) && len(m.GetDirectories()) > 0 {
		s.Directories = m.GetDirectories()
	}
	return s
}

// millis checks a time in milliseconds.
func (c *checker) millis(field string, v int64) time.Duration {
	if v < 0 || v > math.MaxInt64/int64(time.Millisecond) {
		c.fail(field, "is %d, want 0 or more, at most 292 years", v)
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

func readReady(c *checker, m *pb.WorkerReady) Ready {
	return Ready{
		Fingerprint: c.name("fingerprint", m.GetFingerprint()),
		Failure:     maybe(c, "failure", m.GetFailure(), readReport),
	}
}

func readLaunch(c *checker, m *pb.Launch) Launch {
	return Launch{Assignment: one(c, "assignment", m.GetAssignment(), readAssignment)}
}

func readCancel(c *checker, m *pb.CancelAttempt) CancelAttempt {
	return CancelAttempt{Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID)}
}

func readProgress(c *checker, m *pb.WorkerProgress) Progress {
	return Progress{
		Attempts:        list(c, "attempts", m.GetAttempts(), readAttemptProgress),
		MemoryUsedBytes: c.quantity("memory_used_bytes", m.GetMemoryUsedBytes()),
	}
}

// EncodeAttemptProgress makes the messages of what attempts have done so far.
func EncodeAttemptProgress(p []AttemptProgress) []*pb.AttemptProgress {
	return messages(p, func(p *AttemptProgress) *pb.AttemptProgress {
		return &pb.AttemptProgress{Attempt: encodeAttemptID(&p.Attempt), Rows: p.Rows, Bytes: p.Bytes, Working: EncodeRowRange(p.Working)}
	})
}

// DecodeAttemptProgress checks what attempts have done so far.
func DecodeAttemptProgress(m []*pb.AttemptProgress) ([]AttemptProgress, error) {
	var c checker
	p := list(&c, "attempts", m, readAttemptProgress)
	return p, c.err
}

func readAttemptProgress(c *checker, m *pb.AttemptProgress) AttemptProgress {
	return AttemptProgress{
		Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID),
		Rows:    c.quantity("rows", m.GetRows()),
		Bytes:   c.quantity("bytes", m.GetBytes()),
		Working: maybe(c, "working", m.GetWorking(), readRowRange),
	}
}

// DecodeFinished checks the report of an attempt that ended well.
func DecodeFinished(m *pb.AttemptFinished) (Finished, error) {
	return decode("attempt_finished", m, readFinished)
}

func readFinished(c *checker, m *pb.AttemptFinished) Finished {
	return Finished{
		Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID),
		Result:  one(c, "result", m.GetResult(), readResult),
	}
}

// DecodeFailed checks the report of an attempt that ended badly.
func DecodeFailed(m *pb.AttemptFailed) (Failed, error) {
	return decode("attempt_failed", m, readFailed)
}

func readFailed(c *checker, m *pb.AttemptFailed) Failed {
	return Failed{
		Attempt:    one(c, "attempt", m.GetAttempt(), readAttemptID),
		Failure:    one(c, "failure", m.GetFailure(), readReport),
		Unreadable: list(c, "unreadable", m.GetUnreadable(), readOutputID),
		Working:    maybe(c, "working", m.GetWorking(), readRowRange),
	}
}

// EncodeExecutors makes the message of where executors serve map outputs.
func EncodeExecutors(e *Executors) *pb.Executors {
	return &pb.Executors{
		Complete: e.Complete,
		Executors: messages(e.Addresses, func(a *ExecutorAddress) *pb.ExecutorAddress {
			return &pb.ExecutorAddress{Executor: string(a.Executor), DataAddress: a.Address}
		}),
	}
}

// DecodeExecutors checks where executors serve map outputs.
func DecodeExecutors(m *pb.Executors) (Executors, error) {
	return decode("executors", m, readExecutors)
}

func readExecutors(c *checker, m *pb.Executors) Executors {
	return Executors{
		Complete:  m.GetComplete(),
		Addresses: list(c, "executors", m.GetExecutors(), readExecutorAddress),
	}
}

func readExecutorAddress(c *checker, m *pb.ExecutorAddress) ExecutorAddress {
	return ExecutorAddress{
		Executor: plan.ExecutorID(c.given("executor", m.GetExecutor())),
		Address:  c.name("data_address", m.GetDataAddress()),
	}
}

func readRelease(c *checker, m *pb.Release) Release {
	return Release{Attempts: list(c, "attempts", m.GetAttempts(), readAttemptID)}
}

func readShutdown(c *checker, m *pb.WorkerShutdown) Shutdown {
	return Shutdown{
		Grace:  c.millis("grace_millis", m.GetGraceMillis()),
		Reason: c.text("reason", m.GetReason(), maxMessage),
	}
}
