package coordinator

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/journal"
)

// TestThree: of three coordinators one leads, the others say which; when it
// ends another goes on with its jobs.
func TestThree(t *testing.T) {
	var peers []net.Listener
	var all, answers []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, l)
		all = append(all, l.Addr().String())
		answers = append(answers, freeAddress(t))
	}
	var cs []*Coordinator
	for i, l := range peers {
		cfg := testConfig(t.TempDir())
		cfg.Address = answers[i]
		cfg.PeerAddress = func(peer string) string { return answers[slices.Index(all, peer)] }
		cfg.Peers = &journal.Peers{Self: all[i], All: all, Listener: l, Dial: func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}}
		cs = append(cs, start(t, cfg))
	}
	leader := awaitLeader(t, cs, answers)
	cluster := calls(t, leader.Address())
	upload(t, cluster)
	id := submit(t, cluster, shape("words"))
	for _, c := range cs {
		if c == leader {
			continue
		}
		_, err := calls(t, c.Address()).ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{}))
		wantCode(t, "ListJobs of a follower", err, connect.CodeUnavailable, "does not lead")
		if at := leaderOf(t, err); at != leader.Address() {
			t.Errorf("a follower says that %q leads, want %q", at, leader.Address())
		}
	}
	rest := slices.DeleteFunc(slices.Clone(cs), func(c *Coordinator) bool { return c == leader })
	shut(t, leader)
	next := awaitLeader(t, rest, answers)
	got, err := calls(t, next.Address()).GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: id}))
	if err != nil || got.Msg.GetJob().GetName() != "words" {
		t.Errorf("GetJob(%s) of the next leader = %v, %v, want words", id, got, err)
	}
}

// awaitLeader asks until one of the coordinators leads.
func awaitLeader(t *testing.T, cs []*Coordinator, answers []string) *Coordinator {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); ctx.Err() == nil; <-tick.C {
		for _, c := range cs {
			if _, err := c.leader(); err == nil {
				return c
			}
		}
	}
	t.Fatalf("none of %s leads", strings.Join(answers, ", "))
	return nil
}

func leaderOf(t *testing.T, err error) string {
	t.Helper()
	e, ok := err.(*connect.Error)
	if !ok {
		t.Fatalf("%v is no answer", err)
	}
	for _, d := range e.Details() {
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := v.(*pb.NotLeader); ok {
			return n.GetLeaderAddress()
		}
	}
	return ""
}
