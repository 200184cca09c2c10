package wire

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// RunJob asks for a job of the driver that runs in an attempt.
type RunJob struct {
	Attempt plan.AttemptID
	Step    int // which of its jobs, from 1 on
	Plan    plan.Plan
	Graph   []string // a line for each operator
}

// JobRows is some of the rows that a job of a driver collected. Its pieces come
// in order before the JobEnded, and begin again from 0 after a connection was lost.
type JobRows struct {
	Attempt plan.AttemptID
	Step    int
	Piece   int // from 0 on
	Rows    plan.CollectedRows
}

// JobEnded says how a job of a driver ended.
type JobEnded struct {
	Attempt plan.AttemptID
	Step    int
	Job     plan.JobID    // zero when none was made
	Failure *fault.Report // why it has no result, or nil
	Figures plan.Figures
	Tasks   int64
	Elapsed time.Duration
	Pieces  int // of rows that came before
	HotKeys []plan.HotKey
}

func (m RunJob) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_RunJob{RunJob: EncodeRunJob(&m)}}
}

func (m JobRows) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_JobRows{JobRows: EncodeJobRows(&m)}}
}

func (m JobEnded) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_JobEnded{JobEnded: EncodeJobEnded(&m)}}
}

// EncodeRunJob makes the message of a request for a job.
func EncodeRunJob(m *RunJob) *pb.RunJob {
	return &pb.RunJob{Attempt: encodeAttemptID(&m.Attempt), Step: narrow(m.Step), Plan: EncodePlan(&m.Plan), Graph: m.Graph}
}

// DecodeRunJob checks a request for a job.
func DecodeRunJob(m *pb.RunJob) (RunJob, error) { return decode("run_job", m, readRunJob) }

func readRunJob(c *checker, m *pb.RunJob) RunJob {
	return RunJob{
		Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID),
		Step:    c.number("step", m.GetStep()),
		Plan:    one(c, "plan", m.GetPlan(), readPlan),
		Graph:   c.texts("graph", m.GetGraph(), maxText),
	}
}

// EncodeJobRows makes the message of collected rows, with which it shares blocks.
func EncodeJobRows(m *JobRows) *pb.JobRows {
	return &pb.JobRows{Attempt: encodeAttemptID(&m.Attempt), Step: narrow(m.Step), Piece: narrow(m.Piece), Rows: EncodeRows(&m.Rows)}
}

// DecodeJobRows checks rows of a job of a driver; it shares blocks with the message.
func DecodeJobRows(m *pb.JobRows) (JobRows, error) { return decode("job_rows", m, readJobRows) }

func readJobRows(c *checker, m *pb.JobRows) JobRows {
	return JobRows{
		Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID),
		Step:    c.number("step", m.GetStep()),
		Piece:   c.number("piece", m.GetPiece()),
		Rows:    one(c, "rows", m.GetRows(), readRows),
	}
}

// EncodeJobEnded makes the message of the end of a job of a driver.
func EncodeJobEnded(m *JobEnded) *pb.JobEnded {
	e := &pb.JobEnded{
		Attempt: encodeAttemptID(&m.Attempt), Step: narrow(m.Step), Figures: EncodeFigures(&m.Figures),
		Tasks: m.Tasks, ElapsedNanos: int64(m.Elapsed), Pieces: narrow(m.Pieces),
		HotKeys: EncodeHotKeys(m.HotKeys),
	}
	if m.Job != (plan.JobID{}) {
		e.Job = EncodeJobID(m.Job)
	}
	if m.Failure != nil {
		e.Failure = EncodeReport(m.Failure)
	}
	return e
}

// DecodeJobEnded checks the end of a job of a driver.
func DecodeJobEnded(m *pb.JobEnded) (JobEnded, error) { return decode("job_ended", m, readJobEnded) }

func readJobEnded(c *checker, m *pb.JobEnded) JobEnded {
	e := JobEnded{
		Attempt: one(c, "attempt", m.GetAttempt(), readAttemptID),
		Step:    c.number("step", m.GetStep()),
		Failure: maybe(c, "failure", m.GetFailure(), readReport),
		Figures: one(c, "figures", m.GetFigures(), readFigures),
		Tasks:   c.quantity("tasks", m.GetTasks()),
		Elapsed: time.Duration(c.quantity("elapsed_nanos", m.GetElapsedNanos())),
		Pieces:  c.number("pieces", m.GetPieces()),
		HotKeys: list(c, "hot_keys", m.GetHotKeys(), readHotKey),
	}
	if len(m.GetJob()) > 0 {
		e.Job = readJobID(c, "job", m.GetJob())
	}
	return e
}
