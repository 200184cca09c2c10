package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// childEnv names the directory in which a child of the test binary opens a
// store, until it is killed.
const (
	childEnv     = "SHEAF_STORE_TEST_CHILD"
	childRoleEnv = "SHEAF_STORE_TEST_ROLE"
)

// children are what a child of the test binary may be.
var children = map[string]func(dir string){
	"":         childMain,
	"worker":   workerMain,
	"executor": executorMain,
}

func childMain(dir string) {
	s, err := Open(Config{Dirs: []string{dir}})
	if err == nil {
		_, err = publish(s, outputID(1, 1), 1000)
	}
	if err == nil {
		_, err = s.Spill(attempt(1, 2))
	}
	untilKilled(err)
}

func untilKilled(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1)) // until killed, or until the parent is gone
	os.Exit(2)
}

// startChild runs a store in a child process and returns how to kill it.
func startChild(t *testing.T, dir string) (kill func()) { return startRole(t, "", dir) }

func startRole(t *testing.T, role, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childRoleEnv+"="+role)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		stdin.Close()
	})
	t.Cleanup(kill)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	return kill
}

func entries(t *testing.T, dir string) map[string]bool {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, e := range list {
		names[e.Name()] = true
	}
	return names
}

func TestDirectoriesOfDeadProcessesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	killFirst := startChild(t, dir)
	first := entries(t, dir)
	startChild(t, dir)
	both := entries(t, dir)
	if len(first) != 1 || len(both) != 2 {
		t.Fatalf("entries %v, then %v, want 1, then 2", first, both)
	}
	mustOpen(t, Config{Dirs: []string{dir}}) // sweeps while both live
	for name := range both {
		if left := entries(t, filepath.Join(dir, name)); len(left) != 3 {
			t.Errorf("%s of a live process has %v, want output, spill file and lock", name, left)
		}
	}
	killFirst()
	mustOpen(t, Config{Dirs: []string{dir}})
	after := entries(t, dir)
	for name := range both {
		if after[name] == first[name] {
			t.Errorf("after the first child's death %s is there: %v, was the first's: %v", name, after[name], first[name])
		}
	}
}

func TestSweepSparesWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	const digits = "0123456789abcdef"
	spared := []string{"sheaf-data", "sheaf-" + digits + "0", "sheaf-0123456789ABCDEF", "other-" + digits}
	for _, name := range append(spared, "sheaf-"+digits) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// One of the right name but without a lock is spared unless it is empty.
	full := "sheaf-1111111111111111"
	if err := os.Mkdir(filepath.Join(dir, full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, full, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A link to a directory outside is neither followed nor removed.
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, lockName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := "sheaf-2222222222222222"
	if err := os.Symlink(outside, filepath.Join(dir, link)); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Config{Dirs: []string{dir}})
	left := entries(t, dir)
	for _, name := range append(spared, full, link) {
		if !left[name] {
			t.Errorf("the sweep removed %s", name)
		}
	}
	if left["sheaf-"+digits] {
		t.Errorf("the sweep spared an empty directory without a lock")
	}
	if !entries(t, outside)[lockName] {
		t.Errorf("the sweep followed a link")
	}
}

// TestStoresOpenAtTheSameTime has claims and sweeps interleave: no store may
// lose its directory to another.
func TestStoresOpenAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				s, err := Open(Config{Dirs: []string{dir}})
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				if out, err := publish(s, outputID(1, i), 10); err != nil {
					t.Errorf("publish: %v", err)
				} else if err := verify(s, out, 10); err != nil {
					t.Errorf("verify: %v", err)
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
