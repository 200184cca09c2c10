package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test's own program be what the tests run.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_TEST_PROCESS") {
	case "work":
		work()
	case "wait":
		wait()
	}
	os.Exit(m.Run())
}

// work prints, takes processor time and memory, and ends well.
func work() {
	os.Stdout.WriteString("1.5 2.5\n")
	block := make([]byte, 96<<20)
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		for i := 0; i < len(block); i += 4096 {
			block[i]++
		}
	}
	os.Exit(0)
}

// wait says that it runs, and then only a kill ends it.
func wait() {
	requests := make(chan os.Signal, 1)
	signal.Notify(requests, syscall.SIGTERM)
	os.Stdout.WriteString("running\n")
	for range requests {
	}
}

func ourselves(t *testing.T, as, stdout string) command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return command{argv: []string{self}, env: []string{"BENCH_TEST_PROCESS=" + as}, stdout: stdout}
}

func TestExecuteMeasures(t *testing.T) {
	u, err := execute(t.Context(), ourselves(t, "work", filepath.Join(t.TempDir(), "out")))
	if err != nil {
		t.Fatal(err)
	}
	if u.cpu <= 0 || u.wall < 50*time.Millisecond || u.peakRSS < 96<<20 {
		t.Errorf("execute(work) = %v CPU, %v wall, %d MiB, want some, 50ms and 96 MiB at least", u.cpu, u.wall, u.peakRSS>>20)
	}
	if got := printed("ms", 1).of(u); got != 2.5 {
		t.Errorf("second number printed = %v, want 2.5", got)
	}
}

func TestExecuteTellsWhatAProgramComplains(t *testing.T) {
	long := "for i in 1 2 3 4 5 6 7 8 9; do printf '%0900d' 0 >&2; done; echo the end >&2; exit 3"
	_, err := execute(t.Context(), command{argv: []string{"sh", "-c", long}})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the end") || len(err.Error()) > 2*complaintBytes {
		t.Errorf("execute(complaining program) = %v, want its exit status and the end of what it said", err)
	}
}

// TestStopKillsChildren cancels while a child of the program runs that ignores
// the request to stop and would outlive the program.
func TestStopKillsChildren(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	c := ourselves(t, "wait", "")
	c.argv = []string{"sh", "-c", `"$0" > "$1" 2> /dev/null & wait`, c.argv[0], pipe}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := execute(ctx, c)
		result <- err
	}()
	f, err := os.Open(pipe) // when the child has opened it too
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	child := bufio.NewReader(f)
	if line, err := child.ReadString('\n'); err != nil || line != "running\n" {
		t.Fatalf("the child said %q, %v, want that it is running", line, err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("execute(canceled) = %v, want %v", err, context.Canceled)
	}
	// The pipe ends when nobody holds its other end: when the child is gone.
	if rest, err := io.ReadAll(child); err != nil || len(rest) > 0 {
		t.Errorf("the child then said %q, %v, want the end", rest, err)
	}
}

func TestExecuteRefusesFiguresWithoutAllProcesses(t *testing.T) {
	c := ourselves(t, "wait", "")
	c.argv = []string{"sh", "-c", `"$0" > /dev/null 2> /dev/null &`, c.argv[0]}
	if _, err := execute(t.Context(), c); err == nil || !strings.Contains(err.Error(), "left processes") {
		t.Errorf("execute(program that leaves a process) = %v, want an error: nobody knows what it took", err)
	}
}
