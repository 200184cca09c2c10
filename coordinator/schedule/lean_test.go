package schedule

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestLaunchesAreLean: what map tasks measure is for the cut of the exchange. A
// Launch names every map output of its exchange, so that carrying it along would
// be (maps × reduces) times as much.
func TestLaunchesAreLean(t *testing.T) {
	c := New(Config{SplitBytes: mib, PartitionBytes: mib, TasksPerSlot: 1})
	c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 4})
	p := parsePlan(t, []string{"0 source > x0 x1", "1 x0 > s0", "2 x1 > s0", "x0 hash 4", "x1 range"})
	queue := launches(nil, c.Step(JobSubmitted{Plan: p}))
	readers := 0
	for len(queue) > 0 {
		a := queue[0].Assignment
		queue = queue[1:]
		var r plan.Result
		switch {
		case a.Work == plan.Enumerate:
			r.Splits = []plan.Split{whole("f", mib), whole("g", mib)}
		case a.Work == plan.Run && a.Attempt.Task.Stage == 0:
			r.Outputs = []plan.MapOutput{
				{ID: plan.OutputID{Attempt: a.Attempt}, Digest: "d", Bytes: 4 * mib, RowDigest: "r", BucketBytes: []int64{mib, mib, mib, mib}},
				{ID: plan.OutputID{Attempt: a.Attempt, Exchange: 1}, Bytes: mib, Samples: []plan.KeySample{sample("k", mib)}, Keys: []plan.KeyWeight{{Hash: 1, Bytes: mib}}, MissedBytes: 7},
			}
		case a.Partition != nil:
			readers++
			for _, o := range a.Partition.Outputs {
				if o.BucketBytes != nil || o.Samples != nil || o.RowDigest != "" || o.Keys != nil || o.MissedBytes != 0 || o.Executor != "e" || o.Bytes == 0 {
					t.Errorf("attempt %v reads %+v, want it without sizes of buckets, samples and keys", a.Attempt, o)
				}
			}
		}
		queue = launches(queue, c.Step(AttemptFinished{Executor: "e", Session: 1, Attempt: a.Attempt, Result: r}))
	}
	if readers < 5 {
		t.Errorf("%d attempts read exchanges, want at least 5", readers)
	}
}
