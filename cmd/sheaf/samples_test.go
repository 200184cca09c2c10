package main

import (
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// submittedAt is when the jobs of the tests were submitted.
var submittedAt = time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC).UnixNano()

func stages(done int32) []*pb.StageProgress {
	return []*pb.StageProgress{
		{Id: 0, Name: "text.Read → FlatMap → Count", Known: true, Tasks: 4, Running: 4 - done, Done: done, Failed: 1, BytesTotal: 4 << 20, Bytes: int64(done) << 20, Rows: int64(done) * 1000, Started: true, Ended: done == 4},
		{Id: 1, Name: "Count → text.Write", Known: done == 4, Tasks: 2, Done: done / 2, Rows: 77, Bytes: 1234, Started: done == 4, Ended: done == 4},
	}
}

func runningJob() *pb.JobSnapshot {
	return &pb.JobSnapshot{
		JobId: jobID, Name: "wordcount", State: pb.JobState_JOB_STATE_RUNNING, Owner: "ada", Priority: -3, MaxRunning: 8,
		ElapsedNanos: int64(75 * time.Second), SubmittedUnixNanos: submittedAt, Stages: stages(2),
		Figures:  &pb.Figures{RowsIn: 99, BytesIn: 99, SourceRows: 2000, SourceBytes: 2 << 20, ShuffleBytes: 4096, BadRows: 1203},
		Counters: []*pb.Counter{{Name: "rows.invalid", Value: 1234}, {Name: "balance", Value: -5}},
		HotKeys:  []*pb.HotKey{{Operator: "GroupByKey", At: "jobs/main.go:12", Key: `"ada"`, Hash: 7, Rows: 1500, Bytes: 3072, MissedBytes: 9, TotalBytes: 4096}},
	}
}

func queuedJob() *pb.JobSnapshot {
	return &pb.JobSnapshot{
		JobId: "aa" + jobID[2:], Name: "sort\x1b[2J\nnightly", State: pb.JobState_JOB_STATE_QUEUED, Waiting: "no executor has a free slot",
		ElapsedNanos: int64(1500 * time.Millisecond), SubmittedUnixNanos: submittedAt,
	}
}

func doneJob() *pb.JobSnapshot {
	j := runningJob()
	j.State, j.Stages, j.ElapsedNanos = pb.JobState_JOB_STATE_DONE, stages(4), int64(2340*time.Millisecond)
	j.Figures = &pb.Figures{SourceRows: 4000, SourceBytes: 4 << 20, SinkRows: 77, BytesOut: 555, ShuffleBytes: 8192, SpilledBytes: 0}
	return j
}

func failedJob() *pb.JobSnapshot {
	j := runningJob()
	j.JobId, j.State, j.ElapsedNanos = "bb"+jobID[2:], pb.JobState_JOB_STATE_FAILED, int64(3*time.Second)
	j.Failure = &pb.JobFailure{
		Fault: &pb.FaultReport{Kind: pb.FaultKind_FAULT_KIND_USER, Message: `orders.csv:1042:7: column "price": "12,50" is not a number, and that is a long story`, Detail: "main.parse\n\tmain.go:7\n"},
		Task:  &pb.TaskId{Stage: 2, Index: 7}, Attempts: 4,
	}
	return j
}

func canceledJob() *pb.JobSnapshot {
	j := runningJob()
	j.State = pb.JobState_JOB_STATE_CANCELED
	j.Failure = &pb.JobFailure{Fault: &pb.FaultReport{Kind: pb.FaultKind_FAULT_KIND_CANCELED, Message: "canceled by ada: wrong input"}}
	return j
}

func sampleNodes() []*pb.Node {
	return []*pb.Node{
		{Id: "e1", Session: 0xabc, State: pb.NodeState_NODE_STATE_READY, DataAddress: "127.0.0.1:7450", Slots: 8, Running: 3, MemoryBytes: 16 << 30, DiskFreeBytes: 100 << 30,
			Platform: &pb.Platform{Os: "linux", Arch: "amd64"}, BuildVersion: "v1.2.3", Isolation: "landlock, seccomp", SilentNanos: int64(700 * time.Millisecond)},
		{Id: "e2", Session: 1, State: pb.NodeState_NODE_STATE_SUSPECT, Reason: "not heard of\nfor a while", DataAddress: "127.0.0.1:7451", Slots: 8, MemoryBytes: 16 << 30,
			Platform: &pb.Platform{Os: "linux", Arch: "arm64"}, BuildVersion: "v1.2.2", SilentNanos: int64(21 * time.Second)},
	}
}
