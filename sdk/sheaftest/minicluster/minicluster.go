// Package minicluster runs a whole cluster inside go test: a coordinator and
// some executors in the test's own process, on loopback, and workers that are
// child processes, as on a real cluster. A worker is the test binary itself,
// started again, and so TestMain must call Main with the jobs of the package:
//
//	func TestMain(m *testing.M) { minicluster.Main(m, wordcount) }
//
//	func TestWordCount(t *testing.T) {
//		c := minicluster.New(t)
//		out := filepath.Join(t.TempDir(), "counts")
//		minicluster.Run(t, c, wordcount, Args{Input: "testdata/*.txt", Output: out})
//		lines := sheaftest.Lines(t, out)
//		…
//	}
//
//	func TestSurvivesAnExecutor(t *testing.T) {
//		c := minicluster.New(t, minicluster.Options{SplitBytes: 4 << 10})
//		out := filepath.Join(t.TempDir(), "counts")
//		job := minicluster.Submit(t, c, wordcount, Args{Input: "testdata/*.txt", Output: out})
//		job.AwaitTasks(1)
//		c.KillExecutor("e1")
//		if _, err := job.Wait(); err != nil {
//			t.Fatal(err)
//		}
//		…
//	}
//
// It is a package of its own because it links both daemons: most tests need
// package sheaftest alone, which starts no process and takes milliseconds where
// a mini-cluster takes tenths of a second. It shows what local mode cannot:
// that a job's functions work in another process, that its arguments survive the
// way there, and what a lost machine does to it.
//
// A job must be a package-level variable, as it is for sdk.Main: a worker builds
// its graph again, in its own process, from its name and arguments. Functions
// given to sdk.Collect run in the test's process; what others print is shown
// with the test's output. Relative paths begin in the package's directory, in
// workers too.
//
// All that a cluster starts has ended, and all that it wrote is gone but the
// output, when the cleanup of its test is over. Clusters of tests that run in
// parallel know nothing of each other.
package minicluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/coordinator"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor"
)

// Options say what cluster New starts. The zero value of a field means its
// default.
type Options struct {
	// Executors are started at once and named e1, e2 and so on; default 2.
	Executors int
	// Slots are the tasks that each runs at once; default 2.
	Slots int
	// MemoryBytes is the budget of a job's tasks on each; default 256 MiB.
	MemoryBytes int64
	// SplitBytes and PartitionBytes are the most that a task reads of the input,
	// and of rows between stages; default 64 MiB. Small ones make many tasks of
	// the small input of a test.
	SplitBytes, PartitionBytes int64
	// Lease is how long an executor may be silent before its tasks run elsewhere,
	// and so what KillExecutor costs a job; default 2 s. A short one may take an
	// executor of a busy machine for dead, which costs its work and nothing else.
	Lease time.Duration
	// Limit bounds waits: for the cluster, and for each job; default 2 min.
	Limit time.Duration
}

// Defaults of Options.
const (
	defaultExecutors   = 2
	defaultSlots       = 2
	defaultMemoryBytes = 256 << 20
	defaultLease       = 2 * time.Second
	defaultLimit       = 2 * time.Minute

	// retryBase keeps tests short: what is tried again on this machine needs no
	// network to recover.
	retryBase = 50 * time.Millisecond
	// backupAfter is as long as a task of a test should take at most.
	backupAfter = time.Second
	retryMax    = time.Second
	// reattachLeases is how many leases executors get to find a coordinator that
	// was started again.
	reattachLeases = 3
)

func (o Options) withDefaults() Options {
	or(&o.Executors, defaultExecutors)
	or(&o.Slots, defaultSlots)
	or(&o.MemoryBytes, defaultMemoryBytes)
	or(&o.Lease, defaultLease)
	or(&o.Limit, defaultLimit)
	return o
}

func or[T int | int64 | time.Duration](v *T, fallback T) {
	if *v <= 0 {
		*v = fallback
	}
}

// Cluster is a running cluster. Its methods may be called from any goroutine
// while the test runs; what they cannot do is an error of the test that made the
// cluster.
type Cluster struct {
	t       testing.TB
	options Options
	dir     string
	log     *slog.Logger
	door    *door
	api     *client.Client

	restarting sync.Mutex // held by RestartCoordinator

	mu          sync.Mutex // guards what follows
	coordinator *coordinator.Coordinator
	executors   map[string]*executor.Executor // that run
	named       int                           // names given
	ended       bool
}

// New starts a cluster, which ends with the test, and returns when its executors
// take tasks. What its daemons log is shown when the test fails, or by -v.
// Failure ends the test.
func New(t testing.TB, options ...Options) *Cluster {
	t.Helper()
	if served == nil {
		t.Fatalf("minicluster.New: workers would run the tests of this package instead of jobs: let TestMain call minicluster.Main(m, jobs...)")
	}
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	c := &Cluster{t: t, options: o.withDefaults(), dir: t.TempDir(), executors: map[string]*executor.Executor{}}
	out := &output{to: t.Output()}
	c.log = slog.New(slog.NewTextHandler(out, nil))
	t.Cleanup(func() {
		c.close()
		out.close()
	})
	if err := c.within(t.Context(), c.start); err != nil {
		t.Fatalf("start a mini-cluster: %v", err)
	}
	return c
}

var errLimit = errors.New("it takes longer than Options.Limit")

// within does something within the limit. An error says that the limit was the
// reason, or the end of the test.
func (c *Cluster) within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.options.Limit, errLimit)
	defer cancel()
	err := do(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("%w (%v)", cause, err)
	}
	return err
}

// start starts the daemons and waits until they know each other.
func (c *Cluster) start(ctx context.Context) error {
	var err error
	if c.door, err = openDoor(); err != nil {
		return err
	}
	if err := c.startCoordinator(ctx); err != nil {
		return err
	}
	if c.api, err = client.Dial(ctx, client.Options{Addresses: []string{c.door.address}, Patience: c.options.Limit}); err != nil {
		return err
	}
	var names []string
	for range c.options.Executors {
		name, err := c.startExecutor(ctx)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	return c.await(ctx, names)
}

func (c *Cluster) startCoordinator(ctx context.Context) error {
	listener, err := c.door.listener()
	if err != nil {
		return err
	}
	k, err := coordinator.Start(ctx, coordinator.Config{
		Dir: filepath.Join(c.dir, "coordinator"), Log: c.log.With("daemon", "coordinator"), Listener: listener,
		LeaseTTL: c.options.Lease, ReattachGrace: reattachLeases * c.options.Lease,
		Schedule: schedule.Config{
			SplitBytes: c.options.SplitBytes, PartitionBytes: c.options.PartitionBytes, BackoffBase: retryBase, BackoffMax: retryMax, BackupAfter: backupAfter,
		},
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coordinator = k
	return nil
}

// RestartCoordinator ends the coordinator and starts another one in its
// directory, which goes on with the jobs where the first one was: executors and
// those who wait for a job find it again. It returns when the new one answers.
func (c *Cluster) RestartCoordinator() {
	c.t.Helper()
	c.restarting.Lock()
	defer c.restarting.Unlock()
	c.mu.Lock()
	k := c.coordinator
	c.mu.Unlock()
	if err := k.Close(); err != nil {
		c.t.Errorf("end the coordinator: %v", err)
	}
	if err := c.within(c.t.Context(), c.startCoordinator); err != nil {
		c.t.Errorf("start the coordinator again: %v", err)
	}
}

// close ends everything. Executors go first: they would look for a coordinator.
func (c *Cluster) close() {
	c.mu.Lock()
	c.ended = true
	running, k := c.executors, c.coordinator
	c.executors = nil
	c.mu.Unlock()
	var ending sync.WaitGroup
	for name, e := range running {
		ending.Go(func() {
			if err := e.Close(); err != nil {
				c.t.Errorf("end executor %s: %v", name, err)
			}
		})
	}
	ending.Wait()
	if c.api != nil {
		c.api.Close()
	}
	if k != nil {
		if err := k.Close(); err != nil {
			c.t.Errorf("end the coordinator: %v", err)
		}
	}
	if c.door != nil {
		c.door.close()
	}
}
