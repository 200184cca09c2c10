package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// pads is the row of the lines that make files large enough for a task.
func pads(files int) string { return fmt.Sprintf("pad\t%d", 1100*files) }

// TestCluster runs a job on two executors: its rows and those that it collects
// come back, its logs can be read, and nothing of it is left on the executors.
func TestCluster(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	input := c.input("x\nsay hello", "x\ny", "y\nx", "z")
	output := filepath.Join(c.dir, "out")
	got := c.sheaf("submit", acts(t), "--", "--input", input, "--output", output, "--collect")
	got.want(t, exitOK, "acts: done in")
	want := []string{pads(4), "say\t1", "x\t3", "y\t2", "z\t1"}
	if rows := rowsIn(t, output); !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if want := strings.ReplaceAll(strings.Join(want, "\n"), "\t", "=") + "\n"; got.stdout != want {
		t.Errorf("the job printed %q, want %q", got.stdout, want)
	}
	job := strings.TrimSpace(c.sheaf("jobs", "-q").stdout)
	logs := c.sheaf("logs", job)
	logs.want(t, exitOK)
	if !strings.Contains(logs.stdout, " stdout | hello\n") || !strings.Contains(logs.stdout, " stderr | loud hello\n") {
		t.Errorf("the job's logs are %q, want what it said", logs.stdout)
	}
	c.until("the job's map outputs and workers are gone", func() bool {
		for _, name := range []string{"a", "b"} {
			left, err := filepath.Glob(filepath.Join(c.dir, name, "sheaf-executor-*", "*"))
			if err != nil {
				t.Fatal(err)
			}
			if len(left) > 1 { // the lock stays
				return false
			}
		}
		return true
	})
}

// TestClusterFails: a failing job says what its user needs, and only it fails.
func TestClusterFails(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate := filepath.Join(c.dir, "gate")
	other, output := c.begin(c.input("wait "+gate, "wait "+gate))
	c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, line, want string }{
		{"panic", "panic at the disco", "panic: at the disco"},
		{"exit", "exit", "user code exited with code 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := c.sheaf("submit", acts(t), "--input", c.input("say before\n"+tc.line), "--output", filepath.Join(c.dir, tc.name))
			got.want(t, exitFailed, "failed 4 times, each time the same way: "+tc.want, "sheaf logs", "loud before")
			if _, err := os.Stat(filepath.Join(c.dir, tc.name)); !os.IsNotExist(err) {
				t.Errorf("the output of a job that failed: %v, want that it does not exist", err)
			}
		})
	}
	if rows, want := c.end(other, output), []string{pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows of the other job %q, want %q", rows, want)
	}
}

// TestExecutorKilled: what ran on an executor that is killed runs elsewhere, and
// no process of it stays.
func TestExecutorKilled(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes+"\nwait "+gate, "x"))
	c.until("both executors work", func() bool {
		text, _ := os.ReadFile(notes)
		return strings.Count(string(text), "\n") == 2
	})
	c.kill("b")
	c.executor("c")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, want := c.end(job, output), []string{"note\t2", pads(3), "wait\t2", "x\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	text, err := os.ReadFile(notes)
	if err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("attempts with a note: %q, %v, want the two and the one that was lost again", text, err)
	}
}

// TestCoordinatorKilled: attempts go on without their coordinator, none runs
// twice, and who follows the job sees its end.
func TestCoordinatorKilled(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes+"\nwait "+gate, "note "+notes, "note "+notes))
	c.until("both executors work", func() bool {
		text, _ := os.ReadFile(notes)
		return strings.Count(string(text), "\n") >= 2 && c.running("a")+c.running("b") == 2
	})
	var said tail
	followed := make(chan int, 1)
	go func() {
		env := func(name string) string { return map[string]string{"SHEAF_CLUSTER": c.address}[name] }
		followed <- execute(t.Context(), []string{"attach", "--progress", "plain", job}, &console{stdout: &said, stderr: &said, getenv: env})
	}()
	c.until("the job is followed", func() bool { return said.String() != "" })
	c.kill("coordinator")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.coordinator()
	if code := <-followed; code != exitOK || !strings.Contains(said.String(), "lost contact") || !strings.Contains(said.String(), "done in") {
		t.Errorf("who follows the job ends with %d and reads %q, want %d, that contact was lost, and the job's end", code, said.String(), exitOK)
	}
	if rows, want := c.end(job, output), []string{"note\t4", pads(4), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	text, err := os.ReadFile(notes)
	if err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("attempts with a note: %q, %v, want each of the four once", text, err)
	}
}

// TestNewExecutor: an executor that joins in the middle of a job gets work of it.
func TestNewExecutor(t *testing.T) {
	c := newRealCluster(t, "a")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait "+gate, "wait "+gate))
	c.until("the executor works", func() bool { return c.running("a") == 1 })
	c.executor("b")
	c.until("the new executor works", func() bool { return c.running("b") == 1 })
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, want := c.end(job, output), []string{pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

// TestExecutorStops: an executor that is told to stop lets its attempt end, waits
// for what others need of it, and no attempt fails by that.
func TestExecutorStops(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait "+gate, "wait "+gate, "x"))
	c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
	c.signal("a", syscall.SIGTERM)
	c.until("the executor is drained", func() bool { return strings.Contains(c.sheaf("nodes").stdout, " draining ") })
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, want := c.end(job, output), []string{pads(3), "wait\t2", "x\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	<-c.nodes["a"].done
	if code := c.nodes["a"].cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("the executor ended with exit code %d, want %d", code, exitOK)
	}
	if got := c.sheaf("job", job); strings.Contains(got.stdout, "failed") || got.code != exitOK {
		t.Errorf("job: %s, want no failed attempt", got.stdout)
	}
}

// TestCanceled: a job that is canceled is over soon, also when its user's code
// does not listen.
func TestCanceled(t *testing.T) {
	c := newRealCluster(t, "a")
	job, output := c.begin(c.input("wait " + filepath.Join(c.dir, "never")))
	c.until("the executor works", func() bool { return c.running("a") == 1 })
	c.sheaf("cancel", job).want(t, exitOK, "is being canceled")
	c.sheaf("attach", job).want(t, exitCanceled, "canceled")
	if _, err := os.Stat(output); !os.IsNotExist(err) {
		t.Errorf("the output of a job that was canceled: %v, want that it does not exist", err)
	}
	c.until("the executor is free", func() bool { return c.running("a") == 0 })
}

// TestRefused: daemons that cannot run say why in one line.
func TestRefused(t *testing.T) {
	c := newRealCluster(t, "a")
	elsewhere := newRealCluster(t)
	file := filepath.Join(c.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"two coordinators in one directory", []string{"coordinator", "--data", filepath.Join(c.dir, "coordinator"), "--listen", "127.0.0.1:0", "--gossip", "127.0.0.1:0"}, "another coordinator runs in this directory"},
		{"a port in use", []string{"coordinator", "--data", filepath.Join(c.dir, "d"), "--listen", c.address, "--gossip", "127.0.0.1:0"}, "listen on " + c.address + ": another process does"},
		{"a port of gossip in use", []string{"coordinator", "--data", filepath.Join(c.dir, "d"), "--listen", "127.0.0.1:0", "--gossip", c.address}, "gossip: listen on " + c.address + ": another process does: end it, or give another address"},
		{"a cluster to try where a port is in use", []string{"dev", "--dir", filepath.Join(c.dir, "d"), "--listen", "127.0.0.1:0", "--gossip", c.address}, "sheaf dev: gossip: listen on " + c.address + ": another process does"},
		{"two executors in one directory", []string{"executor", "--join", c.address, "--dir", filepath.Join(c.dir, "a")}, "another executor runs in"},
		{"an executor of another cluster", []string{"executor", "--join", elsewhere.address, "--dir", filepath.Join(c.dir, "a2")}, "belongs to cluster"},
		{"a coordinator for all", []string{"coordinator", "--data", filepath.Join(c.dir, "d"), "--listen", "0.0.0.0:0"}, "whoever reaches that address could run programs here: give certificates (--tls-cert, --tls-key and --tls-ca) and a gossip key (--gossip-key)"},
		{"an executor for all", []string{"executor", "--join", c.address, "--dir", filepath.Join(c.dir, "d2"), "--listen", "0.0.0.0:0"}, "whoever reaches that address"},
		{"no directory", []string{"executor", "--join", c.address, "--dir", filepath.Join(file, "d")}, "not a directory"},
		{"an odd size", []string{"executor", "--join", c.address, "--dir", filepath.Join(c.dir, "d3"), "--memory", "lots"}, "--memory: "},
		{"an odd name", []string{"executor", "--join", c.address, "--dir", filepath.Join(c.dir, "d4"), "--name", "a/b"}, `executor name "a/b"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if strings.HasSuffix(tc.name, "of another cluster") {
				// It has joined the first one before.
				n := c.executor("a2")
				c.until("it has joined", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == 2 })
				n.cmd.Process.Kill()
				<-n.done
			}
			c.sheaf(tc.args...).want(t, exitUsage, tc.want)
		})
	}
}
