package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/progress"
)

var stateNumbers = inverse(states)

// encodeSnapshot makes the message that DecodeSnapshot reads: coordinators make
// it of what they know, and have no snapshot.
func encodeSnapshot(s *progress.Snapshot) *pb.JobSnapshot {
	return &pb.JobSnapshot{
		JobId: s.Job, Name: s.Name, State: stateNumbers[s.State], ElapsedNanos: int64(s.Elapsed),
		Stages: messages(s.Stages, encodeStageProgress), Counters: EncodeCounters(s.Counters), Joins: EncodeJoins(s.Joins), HotKeys: EncodeHotKeys(s.HotKeys),
	}
}

func encodeStageProgress(s *progress.Stage) *pb.StageProgress {
	return &pb.StageProgress{
		Name: s.Name, Known: s.Known, Tasks: narrow(s.Tasks), Running: narrow(s.Running), Done: narrow(s.Done),
		Failed: narrow(s.Failed), BytesTotal: s.BytesTotal, Bytes: s.Bytes, Rows: s.Rows, Started: s.Started, Ended: s.Ended,
	}
}
