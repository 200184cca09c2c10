package wire

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	sampleDigest = "000102030405060708090a0b0c0d0e0f"
	sampleSHA256 = sampleDigest + sampleDigest
)

var (
	sampleJob     = plan.JobID{0xde, 0xad, 0xbe, 0xef, 15: 1}
	sampleAttempt = plan.AttemptID{Job: sampleJob, Task: plan.TaskID{Stage: 1, Index: 2}, Number: 3}
	sampleOutput  = plan.OutputID{Attempt: sampleAttempt, Exchange: 1}
)

// samples are small messages, one of each type.
func samples() []Message {
	return []Message{
		Hello{Protocol: Versions{1, 2}, BuildVersion: "v0.1.0"},
		Start{
			Protocol: 1, Executor: "e1", Directories: []string{"/tmp/a"}, MemoryBytes: 1 << 30, Slots: 2,
			Job:         plan.JobSpec{Job: sampleJob, Name: "words", ArtifactSHA256: sampleSHA256, ArtifactBytes: 7, Args: "{}"},
			DataAddress: "127.0.0.1:1", Executors: Executors{Addresses: []ExecutorAddress{{"e2", "127.0.0.1:2"}}},
			Progress: time.Second,
		},
		Ready{Failure: &fault.Report{Kind: fault.Invalid, Message: "stage 1 differs"}},
		Launch{plan.Assignment{
			Attempt: sampleAttempt, Work: plan.Run,
			Partition: &plan.Partition{Exchange: 1, EndBucket: 4, ToKey: []byte("k"), Outputs: []plan.MapOutput{{ID: sampleOutput, Executor: "e2", Digest: sampleDigest, Bytes: 5, Rows: 1}}},
		}},
		CancelAttempt{sampleAttempt},
		Progress{Attempts: []AttemptProgress{{Attempt: sampleAttempt, Rows: 10, Bytes: 20}}},
		Finished{sampleAttempt, plan.Result{
			Splits:  []plan.Split{{Path: "a.txt", Length: 9, Size: 9, ModNanos: -1, Cuttable: true}},
			Outputs: []plan.MapOutput{{ID: sampleOutput, Digest: sampleDigest, BucketBytes: []int64{1, 300}, Samples: []plan.KeySample{{Key: []byte("k"), Bytes: 1}}}},
			Files:   []plan.StagedFile{{Attempt: sampleAttempt, Name: "p0", Bytes: 3, Rows: 1, XXH3: sampleDigest}},
			Rows:    []plan.CollectedRows{{Blocks: [][]byte{{1, 2}}}},
			Figures: plan.Figures{RowsIn: 1, BytesIn: 2},
		}},
		Failed{sampleAttempt, fault.Report{Kind: fault.Fetch, Message: "gone"}, []plan.OutputID{sampleOutput}, nil},
		Executors{Addresses: []ExecutorAddress{{"e2", ""}}, Complete: true},
		Release{[]plan.AttemptID{sampleAttempt}},
		Shutdown{Grace: time.Second, Reason: "drain"},
		Finished{sampleAttempt, plan.Result{Figures: plan.Figures{Counters: []int64{3, 0, -300}}}},
		Finished{sampleAttempt, plan.Result{
			Files:   []plan.StagedFile{{Attempt: sampleAttempt, Name: "b0", Bytes: 3, Rows: 1, XXH3: sampleDigest, Quarantine: true}},
			BadRows: []plan.BadRow{{Place: "a.csv, offset 9", Problem: "no number"}},
			Figures: plan.Figures{BadRows: 1},
		}},
		Launch{plan.Assignment{
			Attempt: sampleAttempt, Work: plan.Run,
			Suspect: &plan.RowRange{Split: 1, Row: 300, Rows: 2}, Deadly: []plan.DeadlyRow{{Split: 1, Row: 7, Problem: "exit 1"}},
		}},
		Progress{Attempts: []AttemptProgress{{Attempt: sampleAttempt, Working: &plan.RowRange{Split: 1, Row: 300, Rows: 2}}}},
		Failed{sampleAttempt, fault.Report{Kind: fault.User, Message: "exit 1"}, nil, &plan.RowRange{Split: 1, Row: 300, Rows: 1}},
		DiskWanted{NeedBytes: 300, WantBytes: 1 << 20},
		DiskLent{Bytes: 1 << 20},
		DiskLent{Failure: &fault.Report{Kind: fault.Disk, Message: "full"}},
		DiskReturned{Bytes: 300},
	}
}
