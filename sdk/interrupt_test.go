package sdk_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a program that runs.
type started struct {
	cmd    *exec.Cmd
	stderr *bufio.Reader
	said   bytes.Buffer // what was read of stderr
}

// start starts a program and returns once it has printed "working".
func (p place) start(t *testing.T, program string, args ...string) *started {
	t.Helper()
	s := &started{cmd: p.command(t, program, args...)}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stderr = bufio.NewReader(io.TeeReader(stderr, &s.said))
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "working\n" {
		rest, _ := io.ReadAll(s.stderr)
		t.Fatalf("%s printed %q (%v), want working; stderr: %s", program, line, err, rest)
	}
	return s
}

func (s *started) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v: %v; stderr: %s", sig, err, &s.said)
	}
}

// await reads stderr up to a line that holds text.
func (s *started) await(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := s.stderr.ReadString('\n')
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("stderr lacks %q: %s", text, &s.said)
		}
	}
}

// end waits until the program has ended.
func (s *started) end(t *testing.T) (*os.ProcessState, string) {
	t.Helper()
	if _, err := io.Copy(io.Discard, s.stderr); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // a program that was told to stop fails
	return s.cmd.ProcessState, s.said.String()
}

// promptly is how long a program may take to stop: seconds, on a machine that
// is busy with other tests, and less than user code that hangs is waited for.
const promptly = 8 * time.Second

func TestInterrupt(t *testing.T) {
	for _, program := range []string{"slow", "endless"} {
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			t.Run(program+" "+sig.String(), func(t *testing.T) {
				t.Parallel()
				p := newPlace(t)
				in := p.file(t, "in.txt", bytes.Repeat([]byte("some words of a line\n"), 100_000))
				s := p.start(t, program, "--input", in, "--output", p.out)
				if staged := names(t, p.side); len(staged) == 0 {
					t.Error("nothing is staged while the job runs")
				}
				s.signal(t, sig)
				began := time.Now()
				state, stderr := s.end(t)
				if took := time.Since(began); took > promptly {
					t.Errorf("%s took %v to stop, want %v at most", program, took, promptly)
				}
				if code := state.ExitCode(); code != 130 {
					t.Errorf("exit code = %d, want 130; stderr: %s", code, stderr)
				}
				if want := "interrupted: nothing was published, staged and temporary files are removed\n"; !strings.HasSuffix(stderr, want) {
					t.Errorf("stderr = %q, want it to end with %q", stderr, want)
				}
				p.wantNothing(t)
			})
		}
	}
}

// TestSecondInterrupt checks that user code that never returns cannot keep a
// program alive, and that the next run clears what it left.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	in := p.file(t, "in.txt", append(bytes.Repeat([]byte("go on\n"), 2*chunk), "stop here\n"...))
	s := p.start(t, "stuck", "--input", in, "--output", p.out)
	s.signal(t, os.Interrupt)
	s.await(t, "interrupt again to end at once")
	s.signal(t, os.Interrupt)
	began := time.Now()
	state, stderr := s.end(t)
	if took := time.Since(began); took > promptly {
		t.Errorf("the second interrupt took %v, want %v at most", took, promptly)
	}
	if status := state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the program ended with %v, want signal interrupt; stderr: %s", state, stderr)
	}
	if e := p.run(t, "copy", "--input", in, "--output", p.out); e.code != 0 {
		t.Fatalf("the next run: %v", e)
	}
	p.wantClean(t)
}

// TestStuck checks what is said about user code that does not stop at a first
// interrupt, when there is no second.
func TestStuck(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	in := p.file(t, "in.txt", append(bytes.Repeat([]byte("go on\n"), 2*chunk), "stop here\n"...))
	s := p.start(t, "stuck", "--input", in, "--output", p.out)
	s.signal(t, os.Interrupt)
	state, stderr := s.end(t)
	if code := state.ExitCode(); code != 130 {
		t.Errorf("exit code = %d, want 130", code)
	}
	if want := "user code does not stop: task 0/0 did not return within 10s"; !strings.Contains(stderr, want) {
		t.Errorf("stderr = %q, want %q in it", stderr, want)
	}
	if strings.Contains(stderr, "files are removed") {
		t.Errorf("stderr = %q claims that files are removed", stderr)
	}
}
