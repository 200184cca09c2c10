package wire

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
)

var states = map[pb.JobState]string{
	pb.JobState_JOB_STATE_PLANNING:   progress.Planning,
	pb.JobState_JOB_STATE_RUNNING:    progress.Running,
	pb.JobState_JOB_STATE_COMMITTING: progress.Committing,
	pb.JobState_JOB_STATE_DONE:       progress.Done,
	pb.JobState_JOB_STATE_FAILED:     progress.Failed,
	pb.JobState_JOB_STATE_CANCELED:   progress.Canceled,
}

// DecodeSnapshot checks a snapshot and returns what a display shows of it. A job
// that waits for its turn is shown as one whose planning has not begun.
func DecodeSnapshot(m *pb.JobSnapshot) (progress.Snapshot, error) {
	return decode("job", m, readSnapshot)
}

func readSnapshot(c *checker, m *pb.JobSnapshot) progress.Snapshot {
	s := progress.Snapshot{
		Job:      m.GetJobId(),
		Name:     c.name("name", m.GetName()),
		State:    progress.Planning,
		Elapsed:  time.Duration(c.quantity("elapsed_nanos", m.GetElapsedNanos())),
		Stages:   list(c, "stages", m.GetStages(), readStageProgress),
		Counters: list(c, "counters", m.GetCounters(), readCounter),
		Joins:    list(c, "joins", m.GetJoins(), readJoin),
		HotKeys:  list(c, "hot_keys", m.GetHotKeys(), readHotKey),
	}
	c.digest("job_id", s.Job, len(plan.JobID{}))
	if m.GetState() != pb.JobState_JOB_STATE_QUEUED {
		s.State = known(c, "state", m.GetState(), states)
	}
	return s
}

// EncodeCounters makes the messages of counters.
func EncodeCounters(counters []plan.Counter) []*pb.Counter {
	return messages(counters, func(n *plan.Counter) *pb.Counter { return &pb.Counter{Name: n.Name, Value: n.Value} })
}

// EncodeJoins makes the messages of joins.
func EncodeJoins(joins []plan.Join) []*pb.Join {
	return messages(joins, func(j *plan.Join) *pb.Join {
		return &pb.Join{Name: j.Name, Broadcast: j.Broadcast, Pinned: j.Pinned, Rows: j.Rows, Bytes: j.Bytes}
	})
}

func readJoin(c *checker, m *pb.Join) plan.Join {
	return plan.Join{
		Name: c.text("name", m.GetName(), maxText), Broadcast: m.GetBroadcast(), Pinned: m.GetPinned(),
		Rows: c.quantity("rows", m.GetRows()), Bytes: c.quantity("bytes", m.GetBytes()),
	}
}

func readCounter(c *checker, m *pb.Counter) plan.Counter {
	return plan.Counter{Name: c.text("name", m.GetName(), plan.MaxCounterNameBytes), Value: m.GetValue()}
}

func readStageProgress(c *checker, m *pb.StageProgress) progress.Stage {
	return progress.Stage{
		Name:       c.text("name", m.GetName(), maxText),
		Known:      m.GetKnown(),
		Tasks:      c.number("tasks", m.GetTasks()),
		Running:    c.number("running", m.GetRunning()),
		Done:       c.number("done", m.GetDone()),
		Failed:     c.number("failed", m.GetFailed()),
		BytesTotal: c.quantity("bytes_total", m.GetBytesTotal()),
		Bytes:      c.quantity("bytes", m.GetBytes()),
		Rows:       c.quantity("rows", m.GetRows()),
		Started:    m.GetStarted(),
		Ended:      m.GetEnded(),
	}
}
