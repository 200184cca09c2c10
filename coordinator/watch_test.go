package coordinator

import (
	"context"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// TestWatchers: their number is bounded, and one that does not read holds up
// nobody else.
func TestWatchers(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.Watchers = 3
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	f := newFake(t, c, "a", 2, 2)
	f.gate = gate.wait
	f.run()
	id := submit(t, cluster, shape("words"))
	for range 2 { // these never read
		stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, IntervalMillis: 50}))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if !stream.Receive() { // it is being served
			t.Fatal(stream.Err())
		}
	}
	ctx, cancel := context.WithCancel(within(t))
	third, err := cluster.WatchJob(ctx, connect.NewRequest(&pb.WatchJobRequest{JobId: id}))
	if err != nil || !third.Receive() {
		t.Fatalf("a third watcher gets %v, %v", err, third.Err())
	}
	fourth, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id}))
	if err == nil {
		fourth.Receive()
		err = fourth.Err()
		fourth.Close()
	}
	wantCode(t, "a fourth watcher", err, connect.CodeResourceExhausted, "which is the limit")
	cancel()
	third.Close()
	close(gate.gate)
	for ctx := within(t); ctx.Err() == nil; { // until the third one's place is free
		stream, err := cluster.WatchJob(within(t), connect.NewRequest(&pb.WatchJobRequest{JobId: id, Rows: true}))
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		for stream.Receive() {
			ended = ended || stream.Msg().GetEnd() != nil
		}
		err = stream.Err()
		stream.Close()
		if ended {
			return
		}
		wantCode(t, "WatchJob", err, connect.CodeResourceExhausted, "which is the limit")
	}
	t.Error("no watcher sees the end")
}
