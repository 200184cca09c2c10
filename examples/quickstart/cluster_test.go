package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

func TestMain(m *testing.M) { minicluster.Main(m, wordcount) }

func TestLosesAnExecutor(t *testing.T) {
	c := minicluster.New(t) // a coordinator, and the executors e1 and e2
	output := filepath.Join(t.TempDir(), "counts")
	job := minicluster.Submit(t, c, wordcount, Args{Input: "testdata/*.txt", Output: output})
	c.KillExecutor("e1")
	if _, err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	got := sheaftest.Lines(t, output)
	slices.Sort(got)
	want := []string{"be\t2", "not\t1", "or\t1", "to\t2"}
	if !slices.Equal(got, want) {
		t.Errorf("wordcount(testdata) = %q, want %q", got, want)
	}
}

// TestOnCluster compares the files that the job writes on a cluster with those
// of local mode.
func TestOnCluster(t *testing.T) {
	c := minicluster.New(t)
	dir := t.TempDir()
	here := Args{Input: "testdata/*.txt", Output: filepath.Join(dir, "cluster")}
	minicluster.Run(t, c, wordcount, here)
	local := here
	local.Output = filepath.Join(dir, "local")
	sheaftest.Run(t, wordcount, local)
	golden.SameOutput(t, here.Output, local.Output)
}
