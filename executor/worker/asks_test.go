package worker

import (
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestDriverDoesNotStall: a driver that waits for a job reads nothing for as long
// as that takes, and is not taken for one that hangs.
func TestDriverDoesNotStall(t *testing.T) {
	id := plan.AttemptID{Number: 1}
	w := &Worker{
		running: map[plan.AttemptID]*attempt{id: {work: plan.Run, moved: time.Now().Add(-time.Hour)}},
		out:     make(chan wire.Message, 1), quit: make(chan struct{}),
	}
	if _, stalled := w.stalled(time.Minute); !stalled {
		t.Fatal("an attempt that has not moved for an hour counts as moving")
	}
	if !w.asked(id) || w.asked(plan.AttemptID{Number: 2}) {
		t.Error("asked is not true of the attempt that runs alone")
	}
	if _, stalled := w.stalled(time.Minute); stalled {
		t.Error("a driver that waits for its job counts as stalled")
	}
	w.JobEnded(wire.JobEnded{Attempt: id})
	if _, stalled := w.stalled(time.Minute); stalled {
		t.Error("a driver whose job has just ended counts as stalled")
	}
	if _, stalled := w.stalled(0); !stalled {
		t.Error("a driver that does nothing with the end of its job counts as moving")
	}
}
