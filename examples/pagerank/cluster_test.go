package main

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

func TestMain(m *testing.M) { minicluster.Main(m, pagerank) }

// few are arguments for few jobs where processes are slow to start.
func few(t *testing.T) Args {
	a := args(t)
	if testing.Short() {
		a.Rounds = 6
	}
	return a
}

// TestOnCluster compares the files that the driver writes on a cluster with those
// of local mode.
func TestOnCluster(t *testing.T) {
	c := minicluster.New(t)
	there, here := few(t), few(t)
	minicluster.RunDriver(t, c, pagerank, there)
	sheaftest.Drive(t, pagerank, here)
	golden.SameOutput(t, there.Output, here.Output)
}

// TestLosesAnExecutor: a driver that lost an executor, perhaps its own, gives the
// same ranks.
func TestLosesAnExecutor(t *testing.T) {
	c := minicluster.New(t)
	there, here := few(t), few(t)
	running := minicluster.SubmitDriver(t, c, pagerank, there)
	running.AwaitTasks(5)
	c.KillExecutor(c.Executors()[0])
	c.AddExecutor()
	if _, err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	sheaftest.Drive(t, pagerank, here)
	golden.SameOutput(t, there.Output, here.Output)
}
