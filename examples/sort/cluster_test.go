package main

import (
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

func TestMain(m *testing.M) { minicluster.Main(m, sortRows) }

// TestOnCluster compares the files that the job writes on a cluster with those
// of local mode.
func TestOnCluster(t *testing.T) {
	c := minicluster.New(t)
	dir := t.TempDir()
	here := Args{Input: "testdata/rows.txt,testdata/more.txt", RowBytes: 16, KeyBytes: 6, Output: filepath.Join(dir, "cluster")}
	minicluster.Run(t, c, sortRows, here)
	local := here
	local.Output = filepath.Join(dir, "local")
	sheaftest.Run(t, sortRows, local)
	golden.SameOutput(t, here.Output, local.Output)
}
