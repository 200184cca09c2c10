package executor

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// TestReportTooLarge: a result that fits the frame of a worker and no message to
// the coordinator fails its attempt, and does not break the stream for ever.
func TestReportTooLarge(t *testing.T) {
	st, err := store.Open(store.Config{Dirs: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := newSession(&Executor{store: st, log: slog.New(slog.DiscardHandler), name: "e"})
	defer s.tasks.Wait()
	id := plan.AttemptID{Number: 1}
	report := func(bytes int) bool {
		j := newJob(s, plan.JobSpec{})
		j.attempts = 1
		s.running[id], s.reports.kept = &attempt{job: j}, nil
		s.finished(id, &plan.Result{Rows: []plan.CollectedRows{{Blocks: [][]byte{make([]byte, bytes)}}}})
		if len(s.reports.kept) != 1 {
			t.Fatalf("%d reports of %d bytes, want 1", len(s.reports.kept), bytes)
		}
		m := s.reports.kept[0]
		if _, err := wire.Marshal(m); err != nil {
			t.Errorf("a report of %d bytes cannot be sent: %v", bytes, err)
		}
		if f := m.GetAttemptFailed(); f != nil && !strings.Contains(f.GetFailure().GetMessage(), "collect fewer rows") {
			t.Errorf("the attempt failed by %v", f)
		}
		return m.GetAttemptFinished() != nil
	}
	if !report(1 << 20) {
		t.Error("a small result is refused")
	}
	for _, under := range []int{2000, 1000, 100, 50, 10} {
		if report(wire.MaxFrameBytes-under) != (under == 2000) {
			t.Errorf("a result of %d bytes under the limit: want it refused only from the last kilobyte on", under)
		}
	}
}
