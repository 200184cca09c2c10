package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// failpointBuilds builds the command and the job with failpoints, once.
var failpointBuilds = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(builtDir, "failpoint")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-tags", "failpoint", "-ldflags=-s -w", "-o", dir, ".", "./testdata/programs/ways").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// supervised is a cluster whose daemons are started again when they were killed.
type supervised struct {
	*realCluster
	built   string // folder of the programs
	env     []string
	mayFail bool // daemons may end by themselves, when a step fails
	spared  bool // the coordinator does not get env
	watch   sync.WaitGroup
	ending  atomic.Bool

	mu      sync.Mutex     // guards the cluster's nodes and what follows
	told    map[*node]bool // to end
	killed  map[string]int // daemons, how often
	trouble []error        // what went wrong beside the test
}

// clusters numbers the clusters of this process.
var clusters atomic.Uint32

// loopback returns an address of this machine that no other cluster has, not of
// this process nor of another: ports stay the same when a daemon begins again,
// and nobody may take them meanwhile.
func loopback() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", pid>>8&0xff, pid&0xff, 1+clusters.Add(1)%250)
}

// newSupervised starts a coordinator and two executors with an environment.
func newSupervised(t *testing.T, mayFail bool, env ...string) *supervised {
	t.Helper()
	c := supervise(t, mayFail, env...)
	c.startAll()
	return c
}

func (c *supervised) startAll() {
	for _, name := range []string{"coordinator", "a", "b"} {
		c.start(name)
	}
}

// supervise makes a cluster without daemons.
func supervise(t *testing.T, mayFail bool, env ...string) *supervised {
	t.Helper()
	built, err := failpointBuilds()
	if err != nil {
		t.Fatal(err)
	}
	host := loopback()
	c := &supervised{
		realCluster: &realCluster{t: t, dir: t.TempDir(), address: host + ":7440", gossip: host + ":7441", nodes: map[string]*node{}},
		built:       built, mayFail: mayFail, env: env, told: map[*node]bool{}, killed: map[string]int{},
	}
	c.run = c.command
	t.Cleanup(c.end)
	return c
}

// command runs a command of a client, which ends also when what it waits for
// never comes.
func (c *supervised) command(args ...string) outcome {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var stdout, stderr strings.Builder
	code := execute(ctx, args, &console{stdout: &stdout, stderr: &stderr, now: still, getenv: func(name string) string {
		return map[string]string{"SHEAF_CLUSTER": c.address}[name]
	}})
	return outcome{code, stdout.String(), stderr.String()}
}

// start starts a daemon, and again whenever it is killed.
func (c *supervised) start(name string) {
	args := []string{"executor", "--join", c.address, "--name", name, "--dir", filepath.Join(c.dir, name), "--slots", "1",
		"--memory", "1MiB", "--isolation", "none"} // little memory, so that it spills
	if name == "coordinator" {
		args = []string{"coordinator", "--data", filepath.Join(c.dir, name), "--listen", c.address, "--gossip", c.gossip}
	}
	cmd := exec.Command(filepath.Join(c.built, "sheaf"), args...)
	if cmd.Env = os.Environ(); name != "coordinator" || !c.spared {
		cmd.Env = append(cmd.Env, c.env...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending.Load() {
		return
	}
	n := c.begins(name, cmd)
	c.watch.Go(func() {
		<-n.done
		if c.ending.Load() {
			return
		}
		state := n.cmd.ProcessState
		c.mu.Lock()
		told := c.told[n]
		killed := state.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
		if killed {
			c.killed[name]++
		} else if !told && !c.mayFail {
			c.trouble = append(c.trouble, fmt.Errorf("%s ended by itself: %v\n%s", name, state, n.log))
		}
		c.mu.Unlock()
		if killed || !told {
			c.start(name)
		}
	})
}

// tell tells a daemon to end.
func (c *supervised) tell(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[n] = true
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
}

// end ends everything.
func (c *supervised) end() {
	c.ending.Store(true)
	c.mu.Lock()
	if c.t.Failed() {
		c.t.Log(errors.Join(c.trouble...))
	}
	for name, n := range c.nodes {
		syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
		if c.t.Failed() {
			<-n.done
			c.t.Logf("%s:\n%s", name, n.log)
		}
	}
	c.mu.Unlock()
	c.watch.Wait()
}

// node returns a daemon's present process.
func (c *supervised) node(name string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[name]
}

// submit submits the job, once, however often the coordinator is killed.
func (c *supervised) submit(w *ways) (job string) {
	c.t.Helper()
	args := append([]string{"submit", "-q", "-d", "--idempotency-key", "one", filepath.Join(c.built, "ways"), "--"}, w.args()...)
	c.until("the job is submitted", func() bool {
		got := c.sheaf(args...)
		if got.code != exitOK && got.code != exitUnreachable && !c.mayFail {
			c.t.Fatalf("submit ended with %d: %s", got.code, got.stderr)
		}
		job = strings.TrimSpace(got.stdout)
		return got.code == exitOK
	})
	return job
}

// follow waits for the end of a job.
func (c *supervised) follow(job string) (got outcome) {
	c.t.Helper()
	c.until("the job has ended", func() bool {
		got = c.sheaf("attach", job)
		return got.code != exitUnreachable
	})
	return got
}

// restart lets the coordinator end as it is told to and starts it again: its
// journal must be readable.
func (c *supervised) restart() {
	c.t.Helper()
	c.until("the coordinator ends when it is told to", func() bool { // a point may kill it instead
		n := c.node("coordinator")
		c.tell(n)
		<-n.done
		return n.cmd.ProcessState.Success()
	})
	c.start("coordinator")
}

// held lists the map outputs that executors hold, by executor.
func (c *supervised) held() map[string][]string {
	all := map[string][]string{}
	for _, name := range []string{"a", "b"} {
		found, err := filepath.Glob(filepath.Join(c.dir, name, "sheaf-executor-*", "*"))
		if err != nil {
			c.t.Fatal(err)
		}
		found = slices.DeleteFunc(found, func(path string) bool { return filepath.Base(path) == "lock" })
		if len(found) > 0 {
			all[name] = found
		}
	}
	return all
}

// published is held without what is being written.
func (c *supervised) published() map[string][]string {
	all := c.held()
	for name, paths := range all {
		paths = slices.DeleteFunc(paths, func(path string) bool { return filepath.Ext(path) != ".output" })
		if all[name] = paths; len(paths) == 0 {
			delete(all, name)
		}
	}
	return all
}

// settled waits until nothing of jobs is left on executors.
func (c *supervised) settled() {
	c.t.Helper()
	c.until("nothing of the job is left on executors", func() bool { return len(c.held()) == 0 })
}

// stopped is how long a process stands still: longer than its lease.
const stopped = 11 * time.Second

// goOn continues the process that a point stops, after a while.
func (c *supervised) goOn(once string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !c.ending.Load() {
		<-tick.C
		text, err := os.ReadFile(once)
		if err != nil {
			continue
		}
		var name string
		var pid, n int
		if _, err := fmt.Sscanf(string(text), "%s %d %d", &name, &pid, &n); err != nil {
			continue // it is being written
		}
		for began := time.Now(); time.Since(began) < stopped && !c.ending.Load(); {
			<-tick.C
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			c.fail(fmt.Errorf("continue process %d: %w", pid, err))
		}
		return
	}
}

// fail notes what went wrong beside the test.
func (c *supervised) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = append(c.trouble, err)
}

// onlyCoordinator reports whether the coordinator was killed, and no executor.
func (c *supervised) onlyCoordinator() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.killed) == 1 && c.killed["coordinator"] > 0
}

// troubles returns what went wrong beside the test.
func (c *supervised) troubles() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.trouble...)
}
