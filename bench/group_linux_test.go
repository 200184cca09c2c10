package main

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExecuteForgivesTheDead runs a program with a child that has ended and
// that nobody waited for. This process takes the part of the first one of the
// system, so that the dead stay until it looks.
func TestExecuteForgivesTheDead(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	// The shell makes way for a program that knows nothing of the child.
	c := command{argv: []string{"sh", "-c", "true & exec cat /proc/self/stat"}}
	if _, err := execute(t.Context(), c); err != nil {
		t.Errorf("execute = %v, want no complaint about a child that has ended", err)
	}
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil {
			break
		}
	}
}
