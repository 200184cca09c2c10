package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/sdk"
)

// The tests of jobs as processes start this test binary again, as a program
// whose main function is one of programs.
const (
	programVar = "SHEAF_TEST_PROGRAM"
	// userVar makes the program give up the rights of root first.
	userVar = "SHEAF_TEST_USER"
)

func TestMain(m *testing.M) {
	name := os.Getenv(programVar)
	if name == "" {
		goleak.VerifyTestMain(m)
	}
	if id, err := strconv.Atoi(os.Getenv(userVar)); err == nil {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id)); err != nil {
			fmt.Fprintln(os.Stderr, "give up the rights of root:", err)
			os.Exit(99)
		}
	}
	programs[name]()
}

// programLimit ends a program that hangs, long after any that works has ended.
const programLimit = 2 * time.Minute

// place is where a program works: beside its destination and its directory for
// temporary files lies nothing else that it could touch.
type place struct {
	dir  string // holds inputs
	out  string // the destination, absent
	side string // the directory around the destination
	tmp  string
}

func newPlace(t testing.TB) place {
	t.Helper()
	dir := t.TempDir()
	p := place{dir: dir, side: filepath.Join(dir, "side"), tmp: filepath.Join(dir, "tmp")}
	p.out = filepath.Join(p.side, "out")
	for _, d := range []string{p.side, p.tmp} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// file writes an input and returns its path.
func (p place) file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// command returns a program, ready to be started.
func (p place) command(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	if programs[program] == nil {
		t.Fatalf("there is no program %q", program)
	}
	// The long form of TestBudget is as much longer as its input is larger.
	ctx, cancel := context.WithTimeout(context.Background(), programLimit*time.Duration(max(*budgetTimes, 1)))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = p.dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SHEAF_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	// A program under the race detector sleeps for a second at its end unless told not to.
	cmd.Env = append(cmd.Env, programVar+"="+program, "TMPDIR="+p.tmp, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// ended is how a program ended.
type ended struct {
	code           int // -1 if a signal ended it
	stdout, stderr string
}

func (e ended) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", e.code, e.stdout, e.stderr)
}

// run runs a program to its end.
func (p place) run(t testing.TB, program string, args ...string) ended {
	t.Helper()
	return finish(t, p.command(t, program, args...))
}

func finish(t testing.TB, cmd *exec.Cmd) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run %v: %v", cmd, err)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// wantClean checks that nothing lies beside the destination and that the
// directory for temporary files is empty.
func (p place) wantClean(t testing.TB) {
	t.Helper()
	for _, dir := range []string{p.side, p.tmp} {
		for _, name := range names(t, dir) {
			if filepath.Join(dir, name) != p.out {
				t.Errorf("%s is left in %s", name, dir)
			}
		}
	}
}

// wantNothing checks that there is no destination either.
func (p place) wantNothing(t testing.TB) {
	t.Helper()
	p.wantClean(t)
	if _, err := os.Lstat(p.out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is something at the destination: Lstat = %v, want %v", err, fs.ErrNotExist)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.Name()
	}
	return all
}

// jobArgs are the flags of most programs here.
type jobArgs struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
	Label  string `flag:"label" help:"text put before every row"`
}

// mainOf returns the main function of a job.
func mainOf[A any](name string, build func(*sdk.Pipeline, A) error) func() {
	return func() { sdk.Main(sdk.Define(name, build)) }
}
