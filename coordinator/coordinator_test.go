package coordinator

import (
	"slices"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// TestJob takes a job from its submission to its rows.
func TestJob(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	a, b := newFake(t, c, "a", 2, 5), newFake(t, c, "b", 2, 5)
	a.gate, b.gate = atOnce, atOnce
	a.run()
	b.run()
	id := submit(t, cluster, shape("words"))
	rows := wantDone(t, cluster, id)
	if want := []string{"task 1/0 of 5 outputs"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	end, again := await(t, cluster, id)
	if !slices.Equal(again, rows) || end.GetJob().GetState() != pb.JobState_JOB_STATE_DONE {
		t.Errorf("watched again, the job is %v with rows %q, want those from before: %q", end.GetJob().GetState(), again, rows)
	}
	if got := end.GetJob().GetFigures().GetRowsIn(); got != 60 {
		t.Errorf("figures of %d rows, want 60", got)
	}
	a.until("everything of the job is released", func() bool { return len(a.over) == 1 && len(a.held) == 0 })
	a.until("the other's address", func() bool { return a.peers["b"] != "" })
	if n := count(0, a, b); n != 5 {
		t.Errorf("%d map attempts, want 5", n)
	}
	version, err := cluster.GetVersion(within(t), connect.NewRequest(&pb.GetVersionRequest{}))
	if err != nil || version.Msg.GetClusterId() != c.ClusterID() || version.Msg.GetTerm() == 0 || version.Msg.GetBuildVersion() != "v-test" {
		t.Errorf("GetVersion = %v, %v", version, err)
	}
}
