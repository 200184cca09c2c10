//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cancelPromise is how long the processes of a canceled job may live.
const cancelPromise = 5 * time.Second

// TestCancelLeavesNoProcess cancels a job whose worker has begun a process with a
// session of its own, and that another: soon none of the three is in the table of
// processes.
func TestCancelLeavesNoProcess(t *testing.T) {
	c := newRealCluster(t, "a")
	note := filepath.Join(c.dir, "left")
	job, _ := c.begin(c.input("leave " + note))
	c.until("the job has begun processes that left", func() bool {
		text, err := os.ReadFile(note)
		return err == nil && len(strings.Fields(string(text))) == 2
	})
	before := c.processesOf("a")
	if len(before) < 3 {
		t.Fatalf("processes below the executor before the end: %v, want the worker and two that left it", before)
	}
	begun := time.Now()
	c.sheaf("cancel", job).want(t, exitOK)
	c.until("no process of the job is left", func() bool { return len(alive(before)) == 0 })
	t.Logf("%d processes were gone within %v; the promise is %v", len(before), time.Since(begun).Round(time.Millisecond), cancelPromise)
}

// processesOf finds the processes that descend from an executor, by their parents;
// who left its session keeps its parent while that lives.
func (c *realCluster) processesOf(name string) map[int]string {
	c.t.Helper()
	below := map[int]string{c.nodes[name].cmd.Process.Pid: ""}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents(c.t) {
			if _, known := below[parent]; known && below[pid] == "" && pid != c.nodes[name].cmd.Process.Pid {
				below[pid], grown = started(pid), true
			}
		}
	}
	delete(below, c.nodes[name].cmd.Process.Pid)
	return below
}

// parents gives each process its parent.
func parents(t testing.TB) map[int]int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	for _, f := range files {
		var pid, parent int
		if fields := statFields(f); len(fields) > 1 {
			fmt.Sscan(filepath.Base(filepath.Dir(f)), &pid)
			fmt.Sscan(fields[1], &parent)
			found[pid] = parent
		}
	}
	return found
}

// statFields are the fields of a process behind its name, none when it is gone.
func statFields(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// started tells a process from a later one with its number; empty when it is gone.
func started(pid int) string {
	fields := statFields(fmt.Sprintf("/proc/%d/stat", pid))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// alive are those of some processes that are still there.
func alive(of map[int]string) []int {
	var list []int
	for pid, start := range of {
		if start != "" && started(pid) == start {
			list = append(list, pid)
		}
	}
	return list
}
