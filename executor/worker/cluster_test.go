package worker_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// cluster drives the scheduler over some executors: what a coordinator does,
// without its network.
type cluster struct {
	t     testing.TB
	core  *schedule.Core
	began time.Time
	homes map[plan.ExecutorID]*home
	done  *schedule.JobDone
	fails *schedule.JobFailed
}

func newCluster(t testing.TB, names ...string) *cluster {
	c := &cluster{t: t, core: schedule.New(schedule.Config{SplitBytes: 1 << 20, PartitionBytes: 16 << 10, MaxFaults: 5}), began: time.Now(), homes: map[plan.ExecutorID]*home{}}
	for _, name := range names {
		h := newHome(t, name)
		c.homes[h.name] = h
	}
	return c
}

// run runs a job to its end on workers of a program.
func (c *cluster) run(program string, p plan.Proposal, change ...func(*worker.Config)) plan.JobSpec {
	spec := specOf(p)
	var all wire.Executors
	for _, h := range c.homes {
		all.Addresses = append(all.Addresses, wire.ExecutorAddress{Executor: h.name, Address: h.address()})
	}
	with := append(slices.Clone(change), func(c *worker.Config) { c.Executors = all })
	for name, h := range c.homes {
		h.start(program, spec, with...)
		c.step(schedule.ExecutorJoined{At: time.Since(c.began), Executor: name, Session: 1, Slots: 2})
	}
	c.step(schedule.JobSubmitted{At: time.Since(c.began), Job: spec.Job, Plan: p.Plan})
	limit := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.done == nil && c.fails == nil {
		select {
		case <-tick.C:
			for name, h := range c.homes {
				for len(h.events) > 0 {
					c.hear(program, spec, name, <-h.events, with)
				}
			}
			c.step(schedule.Tick{At: time.Since(c.began)})
		case <-limit:
			c.t.Fatal("the job does not end")
		}
	}
	return spec
}

// hear tells the core what happened; a worker that has ended is started again.
func (c *cluster) hear(program string, spec plan.JobSpec, name plan.ExecutorID, e event, with []func(*worker.Config)) {
	h := c.homes[name]
	switch e.what {
	case "finished":
		c.step(schedule.AttemptFinished{At: time.Since(c.began), Executor: name, Session: 1, Attempt: e.attempt, Result: e.result})
	case "failed":
		c.t.Logf("attempt %v: %v: %s", e.attempt.Task, e.failure.Kind, e.failure.Message)
		c.step(schedule.AttemptFailed{At: time.Since(c.began), Executor: name, Session: 1, Attempt: e.attempt, Failure: e.failure, Unreadable: e.unreadable})
	case "exited":
		h.stop()
		if c.done == nil && c.fails == nil {
			h.start(program, spec, with...)
		}
		for _, tell := range h.refused {
			tell()
		}
		h.refused = nil
	}
}

func (c *cluster) step(ev schedule.Event) {
	for _, a := range c.core.Step(ev) {
		switch a := a.(type) {
		case schedule.Launch:
			h := c.homes[a.Executor]
			if err := h.worker.Launch(a.Assignment); err != nil {
				// Told when the worker has ended: sooner, the next attempt would find the
				// same one.
				h.refused = append(h.refused, func() { h.Failed(a.Assignment.Attempt, fault.ReportOf(err), nil, nil) })
			}
		case schedule.Cancel:
			c.homes[a.Executor].worker.Cancel(a.Attempt)
		case schedule.Release:
			c.homes[a.Executor].worker.Release(a.Attempts)
		case schedule.JobDone:
			c.done = &a
		case schedule.JobFailed:
			c.fails = &a
		}
	}
}

// words writes an input of many words and returns its path and the output of a
// count of it, sorted.
func words(t testing.TB, dir string, lines int) (input string, counts []string) {
	t.Helper()
	var b strings.Builder
	for i := range lines {
		b.WriteString("be or not to be ")
		b.WriteString(strings.Repeat("x", i%97+1))
		b.WriteByte('\n')
	}
	input = filepath.Join(dir, "in.txt")
	if err := os.WriteFile(input, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tally := map[string]int{}
	for w := range strings.FieldsSeq(b.String()) {
		tally[w]++
	}
	for w, n := range tally {
		counts = append(counts, w+"\t"+itoa(n))
	}
	slices.Sort(counts)
	return input, counts
}

func rowsOf(t testing.TB, dest string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dest, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	slices.Sort(rows)
	return rows
}

// TestWordCount runs a job over workers of one executor, and of two that read
// each other's map outputs; and with relative paths.
func TestWordCount(t *testing.T) {
	tests := []struct {
		name     string
		homes    []string
		relative bool
	}{
		{"one executor", []string{"a"}, false},
		{"two executors", []string{"a", "b"}, false},
		{"relative paths", []string{"a"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			in, want := words(t, dir, 200_000)
			out := filepath.Join(dir, "out")
			if test.relative {
				in, out = "in.txt", "out"
			}
			c := newCluster(t, test.homes...)
			c.run("count", propose(t, "count", dir, "--input", in, "--output", out))
			if c.fails != nil {
				t.Fatalf("the job failed: %v", c.fails.Failure)
			}
			if got := rowsOf(t, filepath.Join(dir, "out")); !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d: first %.3q, want %.3q", len(got), len(want), got, want)
			}
			for _, h := range c.homes {
				h.worker.Shutdown(0, "the test is over")
				if err := h.exited(); err != nil {
					t.Errorf("Exited(%v), want no error after Shutdown", err)
				}
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 2 {
				t.Errorf("beside the output there is %v, want the input alone", left)
			}
		})
	}
}

// TestRestart runs a job whose program exits once in the middle: the attempt is
// run again by another worker.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(in, []byte("touch "+filepath.Join(dir, "touched")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, "a")
	c.run("act", propose(t, "act", dir, "--input", in, "--output", filepath.Join(dir, "out")))
	if c.fails != nil {
		t.Fatalf("the job failed: %v", c.fails.Failure)
	}
	if got := rowsOf(t, filepath.Join(dir, "out")); !slices.Equal(got, []string{"again"}) {
		t.Errorf("rows %q, want the second attempt's", got)
	}
}
