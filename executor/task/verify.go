package task

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
)

// verifyEpoch marks the attempt that does an attempt's work once more; the
// scheduler's epochs do not get there.
const verifyEpoch = 1 << 31

const million = 1_000_000

// verifies reports whether a task is in the sample that does its work twice: the
// same tasks of a job whoever runs them.
func (r *Runtime) verifies(id plan.TaskID) bool {
	x := uint64(id.Stage)<<32 + uint64(id.Index) + 1
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int((x^x>>31)%million) < r.VerifyPerMillion
}

// verify does an attempt's work once more and compares the rows for exchanges
// with those of the first time. Sinks and quarantines keep nothing; read counts on,
// so that whoever watches the attempt sees it move.
func (r *Runtime) verify(ctx context.Context, a *plan.Assignment, first []plan.MapOutput, read *shuffle.Count) error {
	if len(first) == 0 || !r.verifies(a.Attempt.Task) {
		return nil
	}
	again := *a
	again.Attempt.Epoch |= verifyEpoch
	defer r.Store.DropAttempt(again.Attempt)
	second, err := r.run(ctx, &again, read, true)
	if err != nil {
		return fmt.Errorf("do the work once more, to compare: %w", err)
	}
	input, err := r.input(a.Attempt.Task.Stage)
	if err != nil {
		return err
	}
	for i, x := range first {
		y := second.Outputs[i]
		if x.RowDigest == y.RowDigest && x.Rows == y.Rows || x.Partial || y.Partial {
			continue
		}
		return fault.New(fault.User, "%s gave other rows when its work was done once more from the same input (%d rows with digest %.8s, then %d with %.8s): "+
			"its functions must give the same rows for the same input, or a lost machine makes the job do more work again than it must; "+
			"look for the time (Context.Now is the job's), random numbers (Context.Rand repeats itself), the order of a map, or state that outlives a row, or say sdk.Indeterminate and leave out --sheaf.verify-determinism",
			describeWay(r.Graph, input, x.ID.Exchange), x.Rows, x.RowDigest, y.Rows, y.RowDigest)
	}
	return nil
}

// describeWay names the operators between the input of a stage and an exchange,
// with the place of the last: it is the last that could tell.
func describeWay(g *graph.Compiled, input *graph.Node, x plan.ExchangeID) string {
	to := g.Exchanges[x]
	last := to
	if len(to.Inputs) == 1 {
		last = to.Inputs[0]
	}
	if last == input {
		return fmt.Sprintf("%s at %v", input.Op, input.At)
	}
	return fmt.Sprintf("%s … %s at %v", input.Op, last.Op, last.At)
}
