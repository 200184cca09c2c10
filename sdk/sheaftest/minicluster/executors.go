package minicluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/executor"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Executors returns the names of the executors that run, sorted.
func (c *Cluster) Executors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.executors))
}

// AddExecutor starts one more executor, and returns its name when it takes
// tasks. Names are never used again.
func (c *Cluster) AddExecutor() string {
	c.t.Helper()
	var name string
	err := c.within(c.t.Context(), func(ctx context.Context) (err error) {
		if name, err = c.startExecutor(ctx); err != nil {
			return err
		}
		return c.await(ctx, []string{name})
	})
	if err != nil {
		c.t.Errorf("add an executor: %v", err)
	}
	return name
}

// KillExecutor ends an executor as the loss of its machine would: without a word
// to the others, its workers are killed, and the rows that it kept between
// stages are gone. The coordinator finds out after Options.Lease. It returns when
// nothing of the executor runs any more.
func (c *Cluster) KillExecutor(name string) {
	c.t.Helper()
	c.mu.Lock()
	e := c.executors[name]
	delete(c.executors, name)
	c.mu.Unlock()
	if e == nil {
		c.t.Errorf("kill executor %q: no executor of that name runs (%s do)", name, strings.Join(c.Executors(), ", "))
		return
	}
	if err := e.Close(); err != nil {
		c.t.Errorf("kill executor %s: %v", name, err)
	}
}

// errEnded is for calls that come too late.
var errEnded = errors.New("the cluster has ended with its test")

// startExecutor starts an executor; it joins the cluster meanwhile.
func (c *Cluster) startExecutor(ctx context.Context) (string, error) {
	c.mu.Lock()
	c.named++
	name := fmt.Sprintf("e%d", c.named)
	c.mu.Unlock()
	e, err := executor.Start(ctx, executor.Config{
		DiskReserveBytes: -1, // no test shall wait because its machine is nearly full
		Name:             plan.ExecutorID(name), Join: []string{c.door.address}, Dirs: []string{filepath.Join(c.dir, name)}, Log: c.log.With("daemon", name),
		Slots: c.options.Slots, MemoryBytes: c.options.MemoryBytes, WorkerBytes: workerBytes,
	})
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	ended := c.ended
	if !ended {
		c.executors[name] = e
	}
	c.mu.Unlock()
	if ended {
		return "", errors.Join(errEnded, e.Close())
	}
	return name, nil
}

// awaitStep is how often the coordinator is asked while executors join.
const awaitStep = 5 * time.Millisecond

// await waits until executors take tasks.
func (c *Cluster) await(ctx context.Context, names []string) error {
	tick := time.NewTicker(awaitStep)
	defer tick.Stop()
	for {
		nodes, err := c.api.ListNodes(ctx)
		ready := 0
		for _, n := range nodes {
			if n.GetState() == pb.NodeState_NODE_STATE_READY && slices.Contains(names, n.GetId()) {
				ready++
			}
		}
		if ready == len(names) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%d of the executors %s have joined", ready, strings.Join(names, ", ")), err)
		}
	}
}
