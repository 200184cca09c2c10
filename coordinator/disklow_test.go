package coordinator

import (
	"strings"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// TestDiskLow: an executor that says that it is low on disk space ends what it runs
// and gets no more, the list of executors and the job say why, and it goes on when
// there is room.
func TestDiskLow(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	a := newFake(t, c, "a", 1, 3)
	a.gate = gate.wait
	a.run()
	id := submit(t, cluster, shape("words"))
	a.until("a map attempt", func() bool { return len(a.running) == 1 && count0(a) == 1 })
	a.locked(func() { a.diskLow = true })
	stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, IntervalMillis: 50}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	told, waits := false, false
	for !waits && stream.Receive() {
		if n := nodes(t, cluster)["a"]; !told && n.GetState() == pb.NodeState_NODE_STATE_SUSPECT {
			if told = true; !strings.Contains(n.GetReason(), "low on disk space, with 99 B free") {
				t.Errorf("node a is %v, want what is free", n)
			}
			close(gate.gate)
		}
		waits = strings.Contains(stream.Msg().GetSnapshot().GetWaiting(), "every executor is low on disk space")
	}
	if !waits {
		t.Fatalf("the job does not say why it waits: %v", stream.Err())
	}
	if n := count(0, a); n != 1 {
		t.Errorf("%d map attempts on an executor that is low, want the one that ran", n)
	}
	a.locked(func() { a.diskLow = false })
	wantDone(t, cluster, id)
	if n := nodes(t, cluster)["a"]; n.GetState() != pb.NodeState_NODE_STATE_READY {
		t.Errorf("node a is %v, want ready", n)
	}
}

// TestJoinsLow: an executor that is low on disk space when it joins gets nothing.
func TestJoinsLow(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	id := submit(t, cluster, shape("words"))
	a := newFake(t, c, "a", 1, 3)
	a.gate, a.diskLow = atOnce, true
	a.run()
	a.until("heartbeats", func() bool { return a.beats > 2 })
	b := newFake(t, c, "b", 1, 3)
	b.gate = atOnce
	b.run()
	wantDone(t, cluster, id)
	if n := count(0, a); n != 0 {
		t.Errorf("%d map attempts on an executor that was low from the start, want none", n)
	}
}
