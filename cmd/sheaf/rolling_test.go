package main

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRollingRestart tells all executors of a cluster to leave and starts them
// again, one after the other, while clients submit jobs: first with time for their
// jobs to end, then with so little that what they hold has to be made again. No
// job notices, and no attempt is charged for it.
func TestRollingRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: executors that leave one after the other wait for jobs: run without -short")
	}
	t.Parallel() // it waits
	seed, programs := chaosBegins(t)
	x := newChaos(rand.New(rand.NewPCG(seed, 0)), programs, newChaosOracle(t, programs), &tally{})
	x.onLoopback(t, 1, 3)
	var rolled atomic.Bool
	journal := x.during(seed, func() bool { return !rolled.Load() && !t.Failed() }, func() {
		defer rolled.Store(true)
		for _, name := range x.executors {
			x.works(name)
			x.signal(name, syscall.SIGTERM)
			x.replaced(name)
		}
		for _, name := range x.executors {
			x.works(name)
			x.sheaf("drain", name, "--deadline", "100ms").want(t, exitOK)
			x.replaced(name)
		}
	})
	x.sum.tell(t)
	if journal == nil {
		return
	}
	for kind, n := range journal.failed {
		if kind.Charged() {
			t.Errorf("%d attempts failed as %v, which is charged", n, kind)
		}
	}
}

// works waits until an executor runs an attempt.
func (x *chaos) works(name string) {
	x.t.Helper()
	x.until("executor "+name+" works", func() bool { return x.running(name) == 1 })
}

// replaced waits until an executor has left that was told to, and starts it again.
func (x *chaos) replaced(name string) {
	x.t.Helper()
	began := time.Now()
	select {
	case <-x.nodes[name].done:
	case <-time.After(patience):
		x.t.Fatalf("executor %s does not leave", name)
	}
	if state := x.nodes[name].cmd.ProcessState; !state.Success() {
		x.t.Errorf("executor %s left by %v:\n%s", name, state, x.nodes[name].log)
	}
	x.own.fault("replaced executor")
	x.t.Logf("executor %s left after %v", name, time.Since(began).Round(time.Millisecond))
	x.begin[name]()
	x.until("all executors are ready", func() bool { return strings.Count(x.sheaf("nodes").stdout, " ready ") == len(x.executors) })
}
