package wire

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Message is what an executor and its worker say to each other: one of the types
// below. The worker begins with Hello, the executor answers with Start, the
// worker builds the graph and answers with Ready.
type Message interface {
	frame() *pb.WorkerFrame
}

// Hello is the worker's first message: what it speaks.
type Hello struct {
	Protocol     Versions
	BuildVersion string // of Sheaf, for messages about versions
}

// Start tells a worker what it works for.
type Start struct {
	Protocol    int // that both speak from here on
	Executor    plan.ExecutorID
	Job         plan.JobSpec
	Directories []string      // for map outputs and spill files, as absolute paths
	MemoryBytes int64         // budget of all attempts together
	Slots       int           // attempts at once
	DataAddress string        // where the executor serves map outputs
	Executors   Executors     // where the others serve theirs
	Progress    time.Duration // between two messages of progress; whole milliseconds
	DiskLimited bool          // it writes nothing that was not lent: see DiskWanted
}

// Ready says whether a worker can run attempts of the job.
type Ready struct {
	Fingerprint string        // of the graph that it built
	Failure     *fault.Report // why it cannot, or nil
}

// Launch starts an attempt.
type Launch struct {
	Assignment plan.Assignment
}

// CancelAttempt stops an attempt; its end is still reported.
type CancelAttempt struct {
	Attempt plan.AttemptID
}

// Progress says how far a worker's attempts are.
type Progress struct {
	Attempts        []AttemptProgress
	MemoryUsedBytes int64 // reserved of the budget
}

// AttemptProgress says how far an attempt is.
type AttemptProgress struct {
	Attempt plan.AttemptID
	Rows    int64 // read so far
	Bytes   int64 // read so far
	// Working is not nil in a message of its own, sent before user code sees these
	// rows; none of them says that it sees none.
	Working *plan.RowRange
}

// Finished says that an attempt ended well.
type Finished struct {
	Attempt plan.AttemptID
	Result  plan.Result
}

// Failed says that an attempt ended badly.
type Failed struct {
	Attempt    plan.AttemptID
	Failure    fault.Report
	Unreadable []plan.OutputID // map outputs behind a failure of kind Fetch or Corrupt
	Working    *plan.RowRange  // the rows at which the process ended, where that is known
}

// Executors says where executors serve map outputs.
type Executors struct {
	Addresses []ExecutorAddress
	Complete  bool // others are gone; else these add to what is known or replace it
}

// ExecutorAddress says where one executor serves map outputs.
type ExecutorAddress struct {
	Executor plan.ExecutorID
	Address  string // host:port; empty when it is gone
}

// Release says that nobody needs what some attempts wrote.
type Release struct {
	Attempts []plan.AttemptID
}

// Shutdown ends a worker.
type Shutdown struct {
	Grace  time.Duration // how long attempts may go on; 0 cancels them; whole milliseconds
	Reason string        // for people
}

func (m Hello) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Hello{Hello: &pb.WorkerHello{
		ProtocolMin: narrow(m.Protocol.Min), ProtocolMax: narrow(m.Protocol.Max), BuildVersion: m.BuildVersion,
	}}}
}

func (m Start) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Start{Start: &pb.WorkerStart{
		Protocol: narrow(m.Protocol), Executor: string(m.Executor), Job: EncodeJobSpec(&m.Job),
		Directories: m.Directories, MemoryBytes: m.MemoryBytes, Slots: narrow(m.Slots),
		DataAddress: m.DataAddress, Executors: EncodeExecutors(&m.Executors), ProgressMillis: m.Progress.Milliseconds(), DiskLimited: m.DiskLimited,
	}}}
}

func (m Ready) frame() *pb.WorkerFrame {
	ready := &pb.WorkerReady{Fingerprint: m.Fingerprint}
	if m.Failure != nil {
		ready.Failure = EncodeReport(m.Failure)
	}
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Ready{Ready: ready}}
}

func (m Launch) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Launch{Launch: &pb.Launch{Assignment: EncodeAssignment(&m.Assignment)}}}
}

func (m CancelAttempt) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Cancel{Cancel: &pb.CancelAttempt{Attempt: EncodeAttemptID(m.Attempt)}}}
}

func (m Progress) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Progress{Progress: &pb.WorkerProgress{
		Attempts: EncodeAttemptProgress(m.Attempts), MemoryUsedBytes: m.MemoryUsedBytes,
	}}}
}

func (m Finished) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Finished{Finished: &pb.AttemptFinished{
		Attempt: EncodeAttemptID(m.Attempt), Result: EncodeResult(&m.Result),
	}}}
}

func (m Failed) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Failed{Failed: &pb.AttemptFailed{
		Attempt: EncodeAttemptID(m.Attempt), Failure: EncodeReport(&m.Failure), Unreadable: EncodeOutputIDs(m.Unreadable), Working: EncodeRowRange(m.Working),
	}}}
}

func (m Executors) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Executors{Executors: EncodeExecutors(&m)}}
}

func (m Release) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Release{Release: &pb.Release{Attempts: EncodeAttemptIDs(m.Attempts)}}}
}

func (m Shutdown) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_Shutdown{Shutdown: &pb.WorkerShutdown{
		GraceMillis: m.Grace.Milliseconds(), Reason: clip(m.Reason, maxMessage),
	}}}
}
