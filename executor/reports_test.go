package executor

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
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

// TestFailuresLogged: that an executor cannot read from another one its log says,
// since the job's user may never hear of it; what is of the job's own code is not
// in it, for that may quote rows.
func TestFailuresLogged(t *testing.T) {
	for _, tc := range []struct {
		kind   fault.Kind
		logged bool
	}{{fault.Fetch, true}, {fault.Corrupt, true}, {fault.User, false}, {fault.Resource, false}, {fault.Canceled, false}} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			var said bytes.Buffer
			s := newSession(&Executor{log: slog.New(slog.NewTextHandler(&said, nil)), name: "e"})
			id, j := plan.AttemptID{Number: 1}, newJob(s, plan.JobSpec{})
			j.attempts = 1
			s.running[id] = &attempt{job: j}
			s.failed(id, fault.Report{Kind: tc.kind, Message: "what happened"}, nil)
			for _, part := range []string{"map outputs cannot be read", id.String(), `err="what happened"`} {
				if got := strings.Contains(said.String(), part); got != tc.logged {
					t.Errorf("the log is %q: it holds %q: %v, want %v", said.String(), part, got, tc.logged)
				}
			}
		})
	}
}
