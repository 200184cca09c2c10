package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	manyExecutors = flag.Int("many.executors", 8, "executors of TestManyExecutors")
	manySlots     = flag.Int("many.slots", 1, "slots of each of them")
	manyTasks     = flag.Int("many.tasks", 400, "tasks of its job")
)

// TestManyExecutors lets many executors join one coordinator, run a job of many
// tasks and leave. The long form, and what it is measured by, is "make many".
func TestManyExecutors(t *testing.T) {
	c := newRealCluster(t)
	names := make([]string, *manyExecutors)
	began := time.Now()
	for i := range names {
		names[i] = fmt.Sprint("e", i)
		c.executor(names[i], "--slots", fmt.Sprint(*manySlots), "--log-level", "warn")
	}
	c.until("all have joined", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == len(names) })
	joined := time.Since(began)
	program := buildOnce(t, "tiny")
	began = time.Now()
	got := c.sheaf("submit", program, "--", "--tasks", fmt.Sprint(*manyTasks))
	took := time.Since(began)
	got.want(t, exitOK)
	if want := fmt.Sprint(*manyTasks, "\n"); got.stdout != want {
		t.Errorf("counted %q rows, want %q: one a task", got.stdout, want)
	}
	if strings.Contains(got.stderr, " failed") {
		t.Errorf("tasks failed:\n%s", got.stderr)
	}
	began = time.Now()
	for _, name := range names {
		c.signal(name, syscall.SIGTERM)
	}
	for _, name := range names {
		select {
		case <-c.nodes[name].done:
		case <-time.After(patience):
			t.Fatalf("executor %s did not leave", name)
		}
		if state := c.nodes[name].cmd.ProcessState; !state.Success() {
			t.Errorf("executor %s left by %v:\n%s", name, state, c.nodes[name].log)
		}
	}
	t.Logf("%d executors with %d slots each joined in %.1f s, ran %d tasks in %.1f s (%.0f tasks/s with start and end), left in %.1f s; the coordinator's peak was %s",
		len(names), *manySlots, joined.Seconds(), *manyTasks, took.Seconds(), float64(*manyTasks)/took.Seconds(), time.Since(began).Seconds(), peakOf(t, c.nodes["coordinator"].cmd.Process.Pid))
}

// peakOf returns the most memory that a process had, as its system says it.
func peakOf(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "status"))
	if err != nil {
		return "not to be had: " + err.Error()
	}
	if found := regexp.MustCompile(`VmHWM:\s+(.*)`).FindSubmatch(status); found != nil {
		return string(found[1])
	}
	return "not told"
}
