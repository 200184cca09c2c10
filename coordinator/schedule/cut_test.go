package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestHolderThatNobodyReaches plays a job on 20 executors, all of whose tasks take
// as long. One of them reads and serves nothing: it must not draw the tasks of
// all others, which are cut off from it.
func TestHolderThatNobodyReaches(t *testing.T) {
	const executors, slots, readers, mute = 20, 2, 160, "e0"
	c := New(Config{SplitBytes: mib, PartitionBytes: 1})
	var queue []Launch
	for i := range executors {
		queue = launches(queue, c.Step(ExecutorJoined{Executor: plan.ExecutorID(fmt.Sprint("e", i)), Session: plan.SessionID(i + 1), Slots: slots}))
	}
	p := plan.Plan{
		Stages:    []plan.Stage{{Source: &plan.Source{Name: "files"}, Exchanges: []plan.ExchangeID{0}}, {ID: 1, Exchange: new(plan.ExchangeID), Sinks: []plan.SinkID{0}}},
		Exchanges: []plan.Exchange{{Kind: plan.Hash, Buckets: readers, Consumer: 1, Producers: []plan.StageID{0}}},
		Sinks:     []plan.Sink{{Destination: "out"}},
	}
	queue = launches(queue, c.Step(JobSubmitted{Plan: p}))
	failed, there := 0, 0
	var now time.Duration
	for len(queue) > 0 {
		now += time.Second
		l := queue[0]
		queue = queue[1:]
		a := l.Assignment
		if bad := outputOf(a.Partition, mute); bad != nil && l.Executor != mute {
			failed++
			queue = launches(queue, c.Step(AttemptFailed{
				At: now, Executor: l.Executor, Session: l.Session, Attempt: a.Attempt,
				Failure: fault.Report{Kind: fault.Unreachable, Message: "no way"}, Unreadable: []plan.OutputID{bad.ID},
			}))
			continue
		}
		var r plan.Result
		switch {
		case a.Work == plan.Enumerate:
			r.Splits = []plan.Split{{Path: "f", Length: executors * slots * mib, Cuttable: true}}
		case a.Work == plan.Run && a.Partition == nil:
			sizes := make([]int64, readers)
			for i := range sizes {
				sizes[i] = 1 << 10
			}
			r.Outputs = []plan.MapOutput{{ID: plan.OutputID{Attempt: a.Attempt}, Bytes: readers << 10, BucketBytes: sizes, RowDigest: "same"}}
		case a.Partition != nil && l.Executor == mute:
			there++
		}
		queue = launches(queue, c.Step(AttemptFinished{At: now, Executor: l.Executor, Session: l.Session, Attempt: a.Attempt, Result: r}))
	}
	if s, _ := c.Progress(plan.JobID{}); s.State != Done || there > 3*readers/executors || failed > 2*executors*slots {
		t.Errorf("the job is %v; the executor that serves nothing did %d of %d tasks, want about %d, and %d attempts failed", s.State, there, readers, readers/executors, failed)
	}
}

// outputOf is an output that an executor holds of a partition.
func outputOf(p *plan.Partition, holder plan.ExecutorID) *plan.MapOutput {
	if p == nil {
		return nil
	}
	for i := range p.Outputs {
		if p.Outputs[i].Executor == holder {
			return &p.Outputs[i]
		}
	}
	return nil
}
