package worker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
)

// isolations are what a test runs under: all that a machine can give, each
// alone, and nothing but limits.
func isolations(t *testing.T, f func(t *testing.T, i worker.Isolation)) {
	full := worker.Probe()
	t.Logf("this machine: %v", full)
	for _, test := range []struct {
		name              string
		namespace, groups bool
	}{
		{"all", true, true}, {"pid namespace", true, false}, {"control group", false, true}, {"limits", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := worker.Isolation{PIDNamespace: test.namespace}
			if test.namespace && !full.PIDNamespace {
				t.Skip("SKIPPED: PID namespaces: this machine lets us make none")
			}
			if test.groups {
				if i.Groups = full.Groups; i.Groups == nil {
					t.Skip("SKIPPED: control groups: this machine lets us make none")
				}
			}
			t.Logf("under %v", i)
			f(t, i)
		})
	}
}

var limitAndPeak = regexp.MustCompile(`memory limit of 128 MiB.*\bpeak [1-9]`)

// TestMemory ends a process that takes more than its limit, by a control group
// and by the limit of its address space.
func TestMemory(t *testing.T) {
	isolations(t, func(t *testing.T, i worker.Isolation) {
		if raceEnabled && i.Groups == nil {
			t.Skip("SKIPPED: a limit of addresses: the race detector needs more than it gives")
		}
		h := newHome(t, "a")
		h.isolation = i
		spec, splits := acting(t, h, []string{"eat"}, func(c *worker.Config) {
			c.MemoryBytes, c.LimitBytes = 64<<20, 128<<20
		})
		launch(t, h, spec, splits)
		e := h.next("failed")
		// Where the limit counts addresses, a new thread's stack may be what is refused.
		if e.failure.Kind != fault.Resource || !limitAndPeak.MatchString(e.failure.Message) {
			t.Errorf("attempt failed as %v: %s; want kind resource with limit and peak", e.failure.Kind, e.failure.Message)
		}
		if err := h.exited(); fault.KindOf(err) != fault.Resource {
			t.Errorf("Exited(%v) of kind %v, want kind resource", err, fault.KindOf(err))
		}
	})
}

// TestThreads ends a process that begins more threads than it may have.
func TestThreads(t *testing.T) {
	isolations(t, func(t *testing.T, i worker.Isolation) {
		want := "limit of its control group, 100 processes and threads"
		switch {
		case i.Groups == nil:
			if raceEnabled {
				t.Skip("SKIPPED: a limit of addresses: the race detector needs more than it gives")
			}
			if !slices.Contains(buildSettings(t), debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}) {
				t.Skip("SKIPPED: threads under a limit of addresses: without cgo their stacks are too small to reach it")
			}
			want = "memory limit of 128 MiB, which counts the stacks of threads"
		case !strings.Contains(i.Groups.String(), "pids"):
			t.Skipf("SKIPPED: a limit of processes: this machine gives %v", i.Groups)
		}
		h := newHome(t, "a")
		h.isolation = i
		spec, splits := acting(t, h, []string{"threads"}, func(c *worker.Config) {
			c.MemoryBytes, c.LimitBytes, c.Limits.Processes = 64<<20, 128<<20, 100
		})
		launch(t, h, spec, splits)
		e := h.next("failed")
		if e.failure.Kind != fault.Resource || !strings.Contains(e.failure.Message, want) {
			t.Errorf("attempt failed as %v: %s; want kind resource with %q", e.failure.Kind, e.failure.Message, want)
		}
		if err := h.exited(); fault.KindOf(err) != fault.Resource {
			t.Errorf("Exited(%v) of kind %v, want kind resource", err, fault.KindOf(err))
		}
	})
}

// buildSettings says how this test, and so its workers, are built.
func buildSettings(t *testing.T) []debug.BuildSetting {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this test does not know how it was built")
	}
	return info.Settings
}

// TestGrandchild checks that what user code starts in a session of its own ends
// with the worker, by a namespace and by a control group.
func TestGrandchild(t *testing.T) {
	isolations(t, func(t *testing.T, i worker.Isolation) {
		if !i.PIDNamespace && i.Groups == nil {
			t.Skip("SKIPPED: a process that leaves its session: limits alone do not know of it")
		}
		h := newHome(t, "a")
		h.isolation = i
		lock := filepath.Join(t.TempDir(), "lock")
		spec, splits := acting(t, h, []string{"fork " + lock})
		launch(t, h, spec, splits)
		h.next("finished")
		if !isHeld(lock) {
			t.Fatal("the grandchild does not run")
		}
		h.worker.Shutdown(0, "a test")
		if err := h.exited(); err != nil {
			t.Errorf("Exited(%v)", err)
		}
		if isHeld(lock) {
			t.Error("the grandchild outlived its worker")
		}
	})
}

// TestDaemonDies kills an executor: its worker goes with it.
func TestDaemonDies(t *testing.T) {
	for _, isolated := range []string{"", "yes"} {
		t.Run("isolated "+isolated, func(t *testing.T) {
			if i := worker.Probe(); isolated != "" && !i.PIDNamespace && i.Groups == nil {
				t.Skip("SKIPPED: an isolated worker: this machine lets us make neither PID namespaces nor control groups")
			}
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), programVar+"=daemon", dirVar+"="+dir, isolatedVar+"="+isolated)
			cmd.Stderr = t.Output()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lock := filepath.Join(dir, "lock")
			until(t, "the worker runs", func() bool { return isHeld(lock) })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			until(t, "the worker is gone", func() bool { return !isHeld(lock) })
		})
	}
	worker.Probe() // removes the groups of the dead
}
