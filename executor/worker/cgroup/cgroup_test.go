//go:build linux

package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// sleepVar makes the test binary a process that waits to be killed.
const sleepVar = "SHEAF_TEST_SLEEP"

func TestMain(m *testing.M) {
	if os.Getenv(sleepVar) != "" {
		<-time.After(time.Minute)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// parents runs a test where this machine lets us make groups, in both versions.
func parents(t *testing.T, f func(t *testing.T, p *Parent)) {
	t.Run("found", func(t *testing.T) {
		p, err := Find()
		if err != nil {
			t.Skipf("SKIPPED: control groups: this machine lets us make none: %v", err)
		}
		t.Logf("%v", p)
		f(t, p)
	})
	// Also where version 1 has the controllers.
	t.Run("version 2 alone", func(t *testing.T) {
		var v2 strings.Builder
		for line := range strings.Lines(readFile("/proc/self/mountinfo")) {
			if strings.Contains(line, " - cgroup2 ") {
				v2.WriteString(line)
			}
		}
		p := locate(v2.String(), readFile("/proc/self/cgroup"))
		g, err := p.New(Limits{})
		if err != nil {
			t.Skipf("SKIPPED: control groups of version 2: this machine lets us make none: %v", err)
		}
		if err := g.Remove(); err != nil {
			t.Errorf("Remove of an empty group = %v", err)
		}
		f(t, p)
	})
}

// TestGroup puts a process into a group, where its child begins, and ends both.
func TestGroup(t *testing.T) {
	parents(t, func(t *testing.T, p *Parent) {
		g, err := p.New(Limits{MemoryBytes: 1 << 30, Processes: 100})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), sleepVar+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		cmd.SysProcAttr.CgroupFD, cmd.SysProcAttr.UseCgroupFD = g.FD()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := g.Add(cmd.Process.Pid); err != nil {
			t.Errorf("Add = %v", err)
		}
		for _, dir := range g.dirs {
			if text := readFile(filepath.Join(dir, "cgroup.procs")); strings.TrimSpace(text) == "" {
				t.Errorf("%s is empty, want the process", dir)
			}
		}
		g.Kill()
		err = cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the process ended with %v, want it killed", err)
		}
		if g.OutOfMemory() {
			t.Error("OutOfMemory() = true for a process that took nothing")
		}
		if err := g.Remove(); err != nil {
			t.Errorf("Remove = %v", err)
		}
		for _, dir := range g.dirs {
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left", dir)
			}
		}
	})
}

// TestOrphans removes groups of processes that are gone, with what is in them.
func TestOrphans(t *testing.T) {
	parents(t, func(t *testing.T, p *Parent) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), sleepVar+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		gone := exec.Command(os.Args[0], "-test.run=^$")
		if err := gone.Run(); err != nil {
			t.Fatal(err)
		}
		var dirs []string
		for _, parent := range p.dirs() {
			dir := filepath.Join(parent, prefix+strconv.Itoa(gone.Process.Pid)+"-1")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := write(dir, "cgroup.procs", strconv.Itoa(cmd.Process.Pid)); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, dir)
		}
		// The orphan's parent, which we are, must collect it.
		go cmd.Wait()
		for _, parent := range p.dirs() {
			removeOrphans(parent)
		}
		for _, dir := range dirs {
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left", dir)
			}
		}
	})
}
