package schedule

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Bytes of a map output that come damaged were damaged on the disk of who holds it,
// or on the way. The second read tells: bytes that are sound the next time were so
// on the disk all the while, and no network damages the same ones twice.

// damage is a map output of which damaged bytes came, and that is read once more.
type damage struct {
	output         plan.OutputID
	reader, holder *executor
}

// cameDamaged notes that damaged bytes of a holder's output came to e; again says
// that it is read once more. It adds to the failure what is to blame.
func (c *Core) cameDamaged(consumer *task, e, holder *executor, output plan.OutputID, again bool, failure *fault.Report) {
	p := consumer.history()
	// A task reads once more only once: of other outputs nobody knows.
	sure := holder == e || p.damage != nil && p.damage.output == output || c.plant == plantBlameDisk
	if c.plant != plantBlameNetwork {
		p.damage = nil
	}
	switch {
	case again:
		p.damage = &damage{output: output, reader: e, holder: holder}
		fallthrough
	case !sure:
		failure.Message += fmt.Sprintf(": the disk of %s or the network between %s and %s is to blame", holder.id, e.id, holder.id)
	default:
		failure.Message += fmt.Sprintf(": the disk of %s is to blame", holder.id)
		c.emit(Damaged{Output: output, Holder: holder.id, Reader: e.id, Disk: true})
	}
}

// cameSound clears the disk of an output that came damaged once: the task has read
// the same output well.
func (c *Core) cameSound(t *task) {
	if t.past == nil || t.past.damage == nil {
		return
	}
	d := t.past.damage
	t.past.damage = nil
	of := t.job().find(d.output.Attempt.Task)
	same := of != nil && of.state == done && !of.lost && of.number == d.output.Attempt.Number && of.epoch == d.output.Attempt.Epoch
	if same || c.plant == plantBlameNetwork {
		c.emit(Damaged{Output: d.output, Holder: d.holder.id, Reader: d.reader.id})
	}
}
