package coordinator

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/coordinator/peer"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestThree: of three coordinators one leads, the others say which; when it
// ends another goes on with its jobs.
func TestThree(t *testing.T) {
	cs := three(t)
	leader := awaitLeader(t, cs)
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
	next := awaitLeader(t, rest)
	got, err := calls(t, next.Address()).GetJob(within(t), connect.NewRequest(&pb.GetJobRequest{JobId: id}))
	if err != nil || got.Msg.GetJob().GetName() != "words" {
		t.Errorf("GetJob(%s) of the next leader = %v, %v, want words", id, got, err)
	}
}

// TestProgramOutlivesItsCoordinator: a program that was given to a leader is read
// from whichever coordinator is left.
func TestProgramOutlivesItsCoordinator(t *testing.T) {
	cs := three(t)
	leader := awaitLeader(t, cs)
	cluster := calls(t, leader.Address())
	upload(t, cluster)
	rest := slices.DeleteFunc(slices.Clone(cs), func(c *Coordinator) bool { return c == leader })
	// Nobody needs it yet, so one that is asked has to ask in turn.
	if got := fetch(t, rest[0], programName(), 3); !bytes.Equal(got, theProgram[3:]) {
		t.Errorf("a follower gives %q, want %q", got, theProgram[3:])
	}
	submit(t, cluster, shape("words"))
	shut(t, leader)
	if got := fetch(t, awaitLeader(t, rest), programName(), 0); !bytes.Equal(got, theProgram) {
		t.Errorf("the next leader gives %q, want %q", got, theProgram)
	}
}

// TestSubmittedProgramIsShared: when a job is taken, another coordinator has its
// program, and the third one gets it.
func TestSubmittedProgramIsShared(t *testing.T) {
	cs := three(t)
	leader := awaitLeader(t, cs)
	cluster := calls(t, leader.Address())
	upload(t, cluster)
	having := func() (n int) {
		for _, c := range cs {
			if _, complete, err := c.programs.Stat(programName()); complete && err == nil {
				n++
			}
		}
		return n
	}
	if n := having(); n != 1 {
		t.Fatalf("%d coordinators have the program before it is submitted, want 1", n)
	}
	submit(t, cluster, shape("words"))
	if n := having(); n < 2 {
		t.Errorf("%d coordinators have the program of a job, want 2 or 3", n)
	}
	until(t, "all have it", func() bool { return having() == 3 })
}

// TestProgramThatNoneHas: what may come back with a coordinator that is away is no
// reason to give up.
func TestProgramThatNoneHas(t *testing.T) {
	cs := three(t)
	service := sheafv1connect.NewExecutorServiceClient(client(t), "http://"+cs[0].Address(), connect.WithCodec(wire.Codec{}))
	stream, err := service.FetchArtifact(within(t), connect.NewRequest(&pb.FetchArtifactRequest{Sha256: programName()}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if stream.Receive() {
		t.Fatal("FetchArtifact of nothing gives a piece")
	}
	wantCode(t, "FetchArtifact of nothing", stream.Err(), connect.CodeUnavailable, "no other coordinator gives it")
}

// three starts three coordinators.
func three(t *testing.T) []*Coordinator {
	t.Helper()
	var listeners []net.Listener
	var peers []peer.Peer
	for _, name := range []string{"a", "b", "c"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, peers = append(listeners, l), append(peers, peer.Peer{Name: name, Address: l.Addr().String()})
	}
	var cs []*Coordinator
	for i, l := range listeners {
		cfg := testConfig(t.TempDir())
		cfg.ClusterID = strings.Repeat("0f", clusterDigits/2)
		cfg.Name, cfg.Peers, cfg.PeerListener = peers[i].Name, peers, l
		cs = append(cs, start(t, cfg))
	}
	return cs
}

// awaitLeader asks until one of the coordinators leads.
func awaitLeader(t *testing.T, cs []*Coordinator) *Coordinator {
	t.Helper()
	var leader *Coordinator
	until(t, "one of the coordinators leads", func() bool {
		i := slices.IndexFunc(cs, func(c *Coordinator) bool { return c.leads.Load() != nil })
		if i >= 0 {
			leader = cs[i]
		}
		return i >= 0
	})
	return leader
}

// until asks again and again until something is so.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); !ok(); <-tick.C {
		if ctx.Err() != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
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
