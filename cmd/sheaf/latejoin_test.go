package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/failpoint"
)

// TestExecutorJoinsWhileAWorkerStarts has an executor that stands still after it
// has looked up what a new worker is told. The worker must hear of another
// executor that joins before it runs, and read what that one holds: else tasks
// run again that nothing was wrong with.
func TestExecutorJoinsWhileAWorkerStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: an executor that joins while a worker starts: it needs programs with failpoints, which take a minute to build: run without -short")
	}
	dir := t.TempDir()
	once, trace := filepath.Join(dir, "once"), filepath.Join(dir, "trace")
	c := supervise(t, false, fmt.Sprintf("%s=%v:1:stop", failpoint.Variable, failpoint.WorkerStart),
		failpoint.OnceVariable+"="+once, failpoint.TraceVariable+"="+trace)
	c.start("coordinator")
	c.start("a")
	w := &ways{input: waysInput(t), dir: t.TempDir()}
	job := c.submit(w)
	c.until("a starts a worker and stops", func() bool { _, err := os.Stat(once); return err == nil })
	c.start("b")
	c.until("b is ready", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == 2 })
	if err := c.node("a").cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.until("b holds map outputs", func() bool { return len(c.published()["b"]) > 0 })
	w.open(t)
	c.follow(job).want(t, exitOK)
	notAgain(t, c, job, trace)
}
