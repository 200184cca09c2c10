package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestThreeCoordinators kills the coordinator that leads in the middle of a job:
// another one goes on, no task runs again, who follows the job sees its end, and
// an executor that joins then gets the program from who leads now.
func TestThreeCoordinators(t *testing.T) {
	t.Parallel() // it waits
	c := newThree(t)
	c.start("a", "b")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	held := "note " + notes + "\nwait " + gate
	job, output := c.begin(c.input("note "+notes, "note "+notes, held, held, held))
	c.until("two tasks are done and both executors work", func() bool {
		text, _ := os.ReadFile(notes)
		return strings.Count(string(text), "\n") == 4 && c.running("a")+c.running("b") == 2
	})
	said, followed := c.followed(job)
	c.until("the job is followed", func() bool { return said.String() != "" })
	killed, next := c.takeOver()
	c.executor("late")
	c.until("the new executor works", func() bool { return c.running("late") == 1 })
	c.touch(gate)
	if code := <-followed; code != exitOK || !strings.Contains(said.String(), "done in") {
		t.Errorf("who follows the job ends with %d and reads %q, want %d and the job's end", code, said, exitOK)
	}
	if rows, want := c.end(job, output), []string{"note\t5", pads(5), "wait\t3"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if n := strings.Count(read(t, notes), "\n"); n != 5 {
		t.Errorf("%d attempts read input, want each of the five tasks once", n)
	}
	c.coordinator(killed)
	c.follows(killed, next)
}

// followed follows a job beside the test.
func (c *threeCluster) followed(job string) (*tail, <-chan int) {
	said, ended := &tail{}, make(chan int, 1)
	go func() {
		env := func(name string) string { return map[string]string{"SHEAF_CLUSTER": c.address}[name] }
		ended <- execute(c.t.Context(), []string{"attach", "--progress", "plain", job}, &console{stdout: said, stderr: said, getenv: env})
	}()
	return said, ended
}

// TestTwoOfThreeCoordinatorsKilled: one that is left alone takes nothing, and all
// goes on when another is there again.
func TestTwoOfThreeCoordinatorsKilled(t *testing.T) {
	t.Parallel() // it waits
	c := newThree(t)
	c.start("a")
	first, output := c.begin(c.input("x"))
	c.end(first, output)
	leader, _ := c.leader()
	rest := c.but(leader)
	alone, other := rest[0], rest[1]
	c.kill(other)
	c.kill(leader)
	c.leaderless(alone)
	input := c.input("y")
	submitted := make(chan outcome, 1)
	go func() {
		submitted <- c.sheaf("submit", "-q", "-d", acts(t), "--input", input, "--output", filepath.Join(c.dir, "out"))
	}()
	c.leaderless(alone) // however often it is asked
	select {
	case got := <-submitted:
		t.Fatalf("a job was submitted to one of three: %+v", got)
	default:
	}
	c.coordinator(other)
	got := <-submitted
	got.want(t, exitOK)
	if rows, want := c.end(strings.TrimSpace(got.stdout), filepath.Join(c.dir, "out")), []string{pads(1), "y\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if jobs := c.sheaf("jobs").stdout; strings.Count(jobs, " done ") != 2 {
		t.Errorf("the jobs are\n%swant both, done", jobs)
	}
	c.coordinator(leader)
	next, _ := c.leader()
	c.follows(leader, next)
}

// TestTakeOverOften kills one leader after the other: each time another one takes
// over, with the jobs that there were.
func TestTakeOverOften(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: leaders that are killed in turn take half a minute: run without -short")
	}
	t.Parallel() // it waits
	c := newThree(t)
	c.start("a")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait " + gate))
	c.until("the executor works", func() bool { return c.running("a") == 1 })
	for range 5 {
		begin := time.Now()
		killed, next := c.takeOver()
		c.until("the executor is back", func() bool { return c.running("a") == 1 && strings.Contains(c.sheaf("nodes").stdout, " ready ") })
		t.Logf("the executor is back after %v", time.Since(begin).Round(time.Millisecond))
		c.coordinator(killed)
		c.follows(killed, next)
	}
	c.touch(gate)
	if rows, want := c.end(job, output), []string{pads(1), "wait\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if got := c.sheaf("job", job); strings.Contains(got.stdout, "failed") || got.code != exitOK {
		t.Errorf("job: %s, want no failed attempt", got.stdout)
	}
}

// TestLeaderIsToldToStop: it hands over before it ends.
func TestLeaderIsToldToStop(t *testing.T) {
	t.Parallel() // it waits
	c := newThree(t)
	c.start("a")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait " + gate))
	c.until("the executor works", func() bool { return c.running("a") == 1 })
	told, _ := c.takeOverFrom(func(name string) { c.signal(name, syscall.SIGTERM) })
	<-c.nodes[told].done
	if state := c.nodes[told].cmd.ProcessState; !state.Success() {
		t.Errorf("%s was told to stop and ended by %v", told, state)
	}
	c.touch(gate)
	if rows, want := c.end(job, output), []string{pads(1), "wait\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

// TestLeaderStandsStill: another one leads while it does, and when it goes on it
// learns that it leads no more before it decides anything.
func TestLeaderStandsStill(t *testing.T) {
	t.Parallel() // it waits
	c := newThree(t)
	c.start("a")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes))
	c.until("the executor works", func() bool { _, err := os.Stat(notes); return err == nil })
	said, followed := c.followed(job)
	c.until("the job is followed", func() bool { return said.String() != "" })
	still, next := c.takeOverFrom(func(name string) { c.signal(name, syscall.SIGSTOP) })
	c.until("the executor is with the next one", func() bool { return strings.Contains(c.nodes["a"].log.String(), "coordinator="+c.addresses[next]) })
	c.touch(gate)
	// Its connections are open, and nothing comes over them.
	if code := <-followed; code != exitOK || !strings.Contains(said.String(), "lost contact") || !strings.Contains(said.String(), "done in") {
		t.Errorf("who follows the job ends with %d and reads %q, want %d, that contact was lost, and the job's end", code, said, exitOK)
	}
	c.signal(still, syscall.SIGCONT)
	if rows, want := c.end(job, output), []string{"note\t2", pads(2), "wait\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if n := strings.Count(read(t, notes), "\n"); n != 2 {
		t.Errorf("%d attempts read input, want each of the two tasks once", n)
	}
	c.follows(still, next)
}
