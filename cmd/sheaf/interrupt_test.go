package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// processLimit ends a process that hangs, long after any that works has ended.
const processLimit = 2 * time.Minute

// TestInterrupt sends signals to real processes that follow a job.
func TestInterrupt(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		signal syscall.Signal
		code   int
		want   []string
		cancel int // calls of CancelJob
	}{
		{"submit", []string{"submit", wordcount(t)}, syscall.SIGINT, exitInterrupted,
			[]string{"wordcount: detached: job 3f2a91c0d4e5 goes on\n  sheaf attach 3f2a91c0d4e5   follows it again\n  sheaf cancel 3f2a91c0d4e5   ends it\n"}, 0},
		{"attach", []string{"attach", "3f2a"}, syscall.SIGTERM, exitInterrupted, []string{"wordcount: detached: job 3f2a91c0d4e5 goes on"}, 0},
		{"cancel", []string{"submit", "--cancel-on-interrupt", wordcount(t)}, syscall.SIGINT, exitCanceled,
			[]string{"wordcount: canceling (interrupt again to end at once)", "; nothing was published"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := submitting()
			s.hold = true
			address := s.serve(t, nil, nil)
			temporary := t.TempDir()
			got := interrupt(t, s, test.signal, []string{"SHEAF_CLUSTER=" + address, "TMPDIR=" + temporary}, test.args...)
			got.want(t, test.code, test.want...)
			if n := s.called()["CancelJob"]; n != test.cancel {
				t.Errorf("CancelJob was called %d times, want %d", n, test.cancel)
			}
			if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v (%v), want nothing", left, err)
			}
		})
	}
}

// interrupt starts the command as a process, sends a signal once it watches its
// job, and waits for its end.
func interrupt(t *testing.T, s *fakeCoordinator, signal syscall.Signal, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), processLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	// A program under the race detector sleeps for a second at its end unless told not to.
	cmd.Env = append(append(os.Environ(), cliVar+"=1", "GORACE=atexit_sleep_ms=0"), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-s.watched:
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
	case err := <-ended:
		t.Fatalf("the process ended before it watched: %v\n%s", err, stderr.String())
	}
	err := <-ended
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// stopper cancels at the first byte that is written. Its buffer is no embedded
// field: io.Copy would find the buffer's ReadFrom.
type stopper struct {
	text bytes.Buffer
	stop context.CancelFunc
}

// Write implements io.Writer.
func (s *stopper) Write(b []byte) (int, error) {
	s.stop()
	return s.text.Write(b)
}

// TestInterruptOfABuild interrupts while the compiler says something.
func TestInterruptOfABuild(t *testing.T) {
	s := submitting()
	address := s.serve(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	stderr := stopper{stop: cancel}
	var stdout bytes.Buffer
	code := execute(ctx, []string{"submit", "--cluster", address, "./testdata/programs/broken"}, &console{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }})
	outcome{code, stdout.String(), stderr.text.String()}.want(t, exitInterrupted, "sheaf submit: interrupted: nothing was submitted")
}

// TestInterruptBeforeTheSubmission holds that a build or an upload that is
// interrupted submits nothing.
func TestInterruptBeforeTheSubmission(t *testing.T) {
	s := submitting()
	address := s.serve(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s.onUpload = cancel
	var stdout, stderr bytes.Buffer
	code := execute(ctx, []string{"submit", "--cluster", address, wordcount(t)}, &console{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }})
	outcome{code, stdout.String(), stderr.String()}.want(t, exitInterrupted, "interrupted: nothing was submitted")
	if n := s.called()["Submit"]; n != 0 {
		t.Errorf("Submit was called %d times, want 0", n)
	}
}
