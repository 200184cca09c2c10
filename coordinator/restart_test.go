package coordinator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestRestart: a coordinator that is closed and started again in the middle of a
// job goes on, nothing runs twice, and what has ended is known still.
func TestRestart(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Address = freeAddress(t)
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	a, b := newFake(t, c, "a", 2, 4), newFake(t, c, "b", 2, 4)
	a.gate, b.gate = atOnce, atOnce
	a.run()
	b.run()
	first := shape("first")
	first.IdempotencyKey = "key"
	done := submit(t, cluster, first)
	rows := wantDone(t, cluster, done)
	a.locked(func() { a.gate = gate.wait })
	b.locked(func() { b.gate = gate.wait })
	id := submit(t, cluster, shape("second"))
	for round := range 3 {
		a.until("attempts", func() bool { return len(a.running) == 2 && a.connects == round+1 })
		b.until("attempts", func() bool { return len(b.running) == 2 && b.connects == round+1 })
		shut(t, c)
		c = start(t, cfg)
	}
	cluster = calls(t, c.Address())
	a.until("another stream", func() bool { return a.connects == 4 })
	if got := submit(t, cluster, first); got != done {
		t.Errorf("a repeated request gives job %s, want %s", got, done)
	}
	if _, got := await(t, cluster, done); fmt.Sprint(got) != fmt.Sprint(rows) {
		t.Errorf("the rows of the first job are %q, want %q", got, rows)
	}
	close(gate.gate)
	wantDone(t, cluster, id)
	if maps, reduces := count(0, a, b), count(1, a, b); maps != 8 || reduces != 2 {
		t.Errorf("%d map and %d reduce attempts of two jobs, want 8 and 2", maps, reduces)
	}
}

// TestExecutorsDoNotComeBack: after a restart sessions end when their time to
// come back is over.
func TestExecutorsDoNotComeBack(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.LeaseTTL, cfg.ReattachGrace = cfg.LeaseTTL/10, cfg.LeaseTTL/5
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	a := newFake(t, c, "a", 1, 2)
	a.gate = newBarrier(0).wait
	a.run()
	id := submit(t, cluster, shape("words"))
	a.until("an attempt", func() bool { return count0(a) == 1 })
	a.stop()
	shut(t, c)
	c = start(t, cfg)
	cluster = calls(t, c.Address())
	if n := nodes(t, cluster)["a"]; n.GetState() != pb.NodeState_NODE_STATE_SUSPECT || n.GetDataAddress() == "" {
		t.Errorf("node a is %v, want suspect with its address", n)
	}
	b := newFake(t, c, "b", 1, 2)
	b.gate = atOnce
	b.run()
	wantDone(t, cluster, id)
}

// count0 is count for map attempts; the lock is held.
func count0(f *fake) (n int) {
	for id := range f.launched {
		if id.Task.Stage == 0 {
			n++
		}
	}
	return n
}

func TestOneDirectoryOneCoordinator(t *testing.T) {
	cfg := testConfig(t.TempDir())
	c := start(t, cfg)
	_, err := Start(within(t), cfg)
	if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "another coordinator runs in this directory") {
		t.Fatalf("a second Start = %v, want it refused", err)
	}
	id := c.ClusterID()
	shut(t, c)
	if again := start(t, cfg); again.ClusterID() != id {
		t.Errorf("after a restart the cluster is %s, want %s", again.ClusterID(), id)
	}
}

func TestStartRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, cfg *Config)
		want  string
	}{
		{"no directory", func(_ *testing.T, cfg *Config) { cfg.Dir = "" }, "no data directory"},
		{"an id that is none", func(_ *testing.T, cfg *Config) { cfg.ClusterID = "ABC" }, "is no id of a cluster"},
		{"the id of another cluster", func(t *testing.T, cfg *Config) {
			first := *cfg
			first.ClusterID = strings.Repeat("a", 32)
			c := start(t, first)
			if c.ClusterID() != first.ClusterID {
				t.Errorf("the cluster is %s, want the one that was named", c.ClusterID())
			}
			shut(t, c)
			cfg.ClusterID = strings.Repeat("b", 32)
		}, "belongs to cluster aaaa"},
		{"other interfaces", func(_ *testing.T, cfg *Config) { cfg.Address = "0.0.0.0:0" }, "whoever reaches that address could run programs here"},
		{"damaged id", func(t *testing.T, cfg *Config) {
			if err := os.WriteFile(cfg.Dir+"/cluster", []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "does not hold 32 hexadecimal digits"},
		{"lost id", func(t *testing.T, cfg *Config) {
			if err := os.Mkdir(cfg.Dir+"/journal", 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is missing beside a journal"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig(t.TempDir())
			tc.spoil(t, &cfg)
			if c, err := Start(within(t), cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Start = %v, want %q", err, tc.want)
				if c != nil {
					c.Close()
				}
			}
		})
	}
}

const childDir = "COORDINATOR_TEST_DIR"

// runChild is a coordinator in a process of its own; it ends with its input.
func runChild(dir string) {
	cfg := testConfig(dir)
	cfg.Address, cfg.Log = os.Getenv("COORDINATOR_TEST_ADDRESS"), slog.New(slog.DiscardHandler)
	c, err := Start(context.Background(), cfg)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("ready", c.Address(), c.ClusterID())
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// child starts a coordinator as a process.
func child(t *testing.T, dir, address string) (*exec.Cmd, *Coordinator) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, "COORDINATOR_TEST_ADDRESS="+address)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	f := strings.Fields(line)
	if err != nil || len(f) != 3 || f[0] != "ready" {
		t.Fatalf("the coordinator says %q, %v, want that it is ready", line, err)
	}
	return cmd, &Coordinator{address: f[1], clusterID: f[2]}
}

// TestKill: a coordinator is killed again and again while jobs run. They all end
// well, and no task that was reported runs again.
func TestKill(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	cmd, c := child(t, dir, address)
	cluster := calls(t, c.Address())
	upload(t, cluster)
	turns := make(chan struct{})
	gate := func(ctx context.Context, _ plan.Assignment) *fault.Report {
		select {
		case <-turns:
		case <-ctx.Done():
		}
		return nil
	}
	a, b := newFake(t, c, "a", 2, 12), newFake(t, c, "b", 2, 12)
	a.gate, b.gate = gate, gate
	a.run()
	b.run()
	var ids []string
	for i := range 3 {
		r := shape(fmt.Sprint("job", i))
		r.IdempotencyKey = r.GetName()
		ids = append(ids, submit(t, cluster, r))
	}
	for kills := range 6 {
		for range 3 + kills {
			select {
			case turns <- struct{}{}:
			case <-within(t).Done():
				t.Fatal("no attempt ends")
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		cmd, c = child(t, dir, address)
		cluster = calls(t, c.Address())
	}
	close(turns)
	for i, id := range ids {
		wantDone(t, cluster, id)
		r := shape(fmt.Sprint("job", i))
		r.IdempotencyKey = r.GetName()
		if got := submit(t, cluster, r); got != id {
			t.Errorf("submitting job %d again gives %s, want %s", i, got, id)
		}
	}
	// An order that was under way when the coordinator died is lost with it: its
	// attempt never began, so what was launched on executors is all that ran.
	if maps, reduces := count(0, a, b), count(1, a, b); maps != 36 || reduces != 3 {
		t.Errorf("%d map and %d reduce attempts began, want 36 and 3: nothing runs twice", maps, reduces)
	}
	list, err := cluster.ListJobs(within(t), connect.NewRequest(&pb.ListJobsRequest{}))
	if err != nil || len(list.Msg.GetJobs()) != 3 {
		t.Errorf("ListJobs = %v, %v, want 3 jobs", list, err)
	}
}
