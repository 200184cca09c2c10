package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// starved: an executor that gets a twentieth of a processor, in bursts with a second
// between them, works on for longer than a lease.
func starved(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	sessions := c.sessions()
	c.starve("b")
	for began, n := time.Now(), 0; n == 0 || time.Since(began) < 2*theLease; n++ {
		gate := filepath.Join(c.dir, fmt.Sprint("gate", n))
		job, output := c.begin(c.input("x\nwait "+gate, "x\nwait "+gate, "x"))
		c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
		c.touch(gate)
		if rows, want := c.end(job, output), []string{pads(3), "wait\t2", "x\t3"}; !slices.Equal(rows, want) {
			t.Errorf("rows %q, want %q", rows, want)
		}
	}
	c.keeps(sessions)
}

// TestGossipIsWrong: an executor that stands still for shorter than its lease, and
// is dead by what others gossip, goes on with what it did.
func TestGossipIsWrong(t *testing.T) {
	t.Parallel() // it waits
	c := newRealCluster(t, "a", "b")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes+"\nwait "+gate))
	c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
	sessions := c.sessions()
	c.signal("b", syscall.SIGSTOP)
	var state string
	c.until("gossip is heard, or the lease is over", func() bool {
		state = c.sheaf("nodes").stdout
		return strings.Contains(state, "other executors cannot reach it") || strings.Contains(state, " lost ")
	})
	c.signal("b", syscall.SIGCONT)
	c.touch(gate)
	if rows, want := c.end(job, output), []string{"note\t2", pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	c.keeps(sessions)
	if n := strings.Count(read(t, notes), "\n"); n != 2 && !c.leaseRanOut() {
		t.Errorf("%d attempts read input, want each of the two tasks once", n)
	}
}

// theLease is how long an executor counts as alive that is not heard of.
const theLease = 10 * time.Second

// sessions are those of the executors, by their names.
func (c *realCluster) sessions() map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(c.sheaf("nodes", "--json").stdout) {
		var n nodeObject
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			c.t.Fatalf("%s: %v", line, err)
		}
		all[n.Node] = n.Session
	}
	return all
}

// keeps checks that executors have the sessions that they had, unless a lease ran
// out, which a machine under load can bring about: nothing else may end one.
func (c *realCluster) keeps(sessions map[string]string) {
	c.t.Helper()
	if c.leaseRanOut() {
		c.t.Logf("an executor was not heard of for longer than its lease")
		return
	}
	for name, now := range c.sessions() {
		if now != sessions[name] {
			c.t.Errorf("executor %s has session %s and had %s", name, now, sessions[name])
		}
	}
}

func (c *realCluster) leaseRanOut() bool {
	return strings.Contains(c.nodes["coordinator"].log.String(), "executor lost: its lease ran out")
}

// starve leaves a daemon, with what it starts, a twentieth of a processor, as a
// burst a second: by a control group where there may be one, else by signals.
func (c *realCluster) starve(name string) {
	c.t.Helper()
	pid := c.nodes[name].cmd.Process.Pid
	err := c.limit("/sys/fs/cgroup/cpu", pid, map[string]string{"cpu.cfs_period_us": "1000000", "cpu.cfs_quota_us": "50000"})
	if err != nil { // it is of the second version
		err = c.limit("/sys/fs/cgroup", pid, map[string]string{"cpu.max": "50000 1000000"})
	}
	if err != nil {
		c.t.Logf("SKIPPED: a control group with little of a processor, signals stand for it: %v", err)
		c.halts(pid)
	}
}

// limit puts a process into a control group of its own.
func (c *realCluster) limit(root string, pid int, limits map[string]string) error {
	dir := filepath.Join(root, fmt.Sprint("sheaf-test-", pid))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	c.t.Cleanup(func() {
		c.stop()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(patience); ; <-tick.C { // workers go a moment after their executor
			err := os.Remove(dir)
			if err == nil {
				return
			}
			if time.Now().After(end) {
				c.t.Error(err)
				return
			}
		}
	})
	for file, text := range limits {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(pid)), 0o600)
}

// halts stops a process but for a twentieth of each second, until the test ends.
func (c *realCluster) halts(pid int) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		defer syscall.Kill(pid, syscall.SIGCONT)
		for next, halt := syscall.SIGSTOP, 950*time.Millisecond; ; next, halt = syscall.SIGCONT+syscall.SIGSTOP-next, time.Second-halt {
			syscall.Kill(pid, next)
			select {
			case <-time.After(halt):
			case <-stop:
				return
			}
		}
	}()
	c.t.Cleanup(func() { close(stop); <-stopped })
}
