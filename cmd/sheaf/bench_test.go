package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkTinyJob is a job of one line on a cluster that has run it before: from
// the command to its end, with the program's plan and the client's start left in.
func BenchmarkTinyJob(b *testing.B) {
	c := newRealCluster(b, "a", "b")
	input := filepath.Join(c.dir, "line")
	if err := os.WriteFile(input, []byte("x\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	n := 0
	submit := func() {
		n++
		c.sheaf("submit", "-q", acts(b), "--", "--input", input, "--output", filepath.Join(c.dir, fmt.Sprint(n))).want(b, exitOK)
	}
	submit() // uploads the program
	for b.Loop() {
		submit()
	}
}

// BenchmarkNewExecutor is the time from the start of an executor's process until it
// works for a job that runs on others.
func BenchmarkNewExecutor(b *testing.B) {
	c := newRealCluster(b, "a")
	gate := filepath.Join(c.dir, "gate")
	begin := func() { c.begin(c.input("wait "+gate, "wait "+gate)) }
	begin()
	c.until("the first executor works", func() bool { return c.running("a") == 1 })
	n := 0
	for b.Loop() {
		b.StopTimer()
		begin() // since each executor takes a task for good
		b.StartTimer()
		n++
		name := fmt.Sprint("b", n)
		c.executor(name)
		c.until("the new executor works", func() bool { return c.running(name) == 1 })
	}
}
