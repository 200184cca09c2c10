//go:build linux

package storage

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
)

// childRole names what the test program does when it is run by itself.
const childRole = "SHEAF_STORAGE_TEST_CHILD"

const refused = 3 // exit status of a child whose destination was taken

func TestMain(m *testing.M) {
	dest := os.Getenv("SHEAF_STORAGE_TEST_DEST")
	switch os.Getenv(childRole) {
	case "overwrite":
		childOverwrites(dest)
	case "ends":
		childEnds(dest, os.Getenv("SHEAF_STORAGE_TEST_VERSION"))
	case "race":
		childRaces(dest, os.Getenv("SHEAF_STORAGE_TEST_VERSION"))
	case "power":
		childLosesPower(dest, os.Getenv("SHEAF_STORAGE_TEST_VERSION"))
	}
	goleak.VerifyTestMain(m)
}

// childOverwrites publishes one output after the other until it is killed.
func childOverwrites(dest string) {
	fmt.Println("ready")
	for i := 0; ; i++ {
		if err := newOutput(string(rune('a'+i%26))).run(&disk{}, dest, true); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// childRaces stages, waits for the start and publishes.
func childRaces(dest, version string) {
	job := newOutput(version)
	err := func() error {
		s, err := CreateStage(dest, job.job)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := job.stage(s); err != nil {
			return err
		}
		fmt.Println("ready")
		io.ReadAll(os.Stdin) // ends when the parent closes it for all
		return s.Publish(job.files(), job.success(), false)
	}()
	if fault.KindOf(err) == fault.Invalid {
		os.Exit(refused)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

type child struct {
	*exec.Cmd
	input io.Closer
}

// startChild starts the test program in a role and returns once it is ready.
func startChild(t *testing.T, role, dest, version string) child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, "SHEAF_STORAGE_TEST_DEST="+dest, "SHEAF_STORAGE_TEST_VERSION="+version)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("child %s did not start: %v", role, errors.Join(err, cmd.Wait()))
	}
	return child{cmd, input}
}

func TestKillAtRandomMoments(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dest := filepath.Join(t.TempDir(), "out")
	newOutput("o").runOK(t, dest, false)
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	left := 0
	for range rounds {
		c := startChild(t, "overwrite", dest, "")
		<-time.After(time.Duration(random.IntN(60_000)) * time.Microsecond)
		must(t, c.Process.Kill())
		if err := c.Wait(); c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("child ended by itself: %v", err)
		}
		before, err := versionAt(dest)
		if err != nil || before == "" {
			t.Fatalf("after the kill the destination holds %q, %v, want a whole output", before, err)
		}
		found, err := leftovers(dest)
		must(t, err)
		left += len(found)
		s, err := CreateStage(dest, newOutput("z").job)
		must(t, err)
		must(t, s.Discard())
		must(t, s.Close())
		checkVersion(t, dest, before)
		checkClean(t, dest)
	}
	t.Logf("%d kills left %d names to clear up", rounds, left)
}

func TestTwoProcessesRace(t *testing.T) {
	for range 5 {
		dest := filepath.Join(t.TempDir(), "out")
		children := map[string]child{"a": startChild(t, "race", dest, "a"), "b": startChild(t, "race", dest, "b")}
		for _, c := range children {
			must(t, c.input.Close())
		}
		var winners []string
		for version, c := range children {
			c.Wait() // its error is the exit status
			switch code := c.ProcessState.ExitCode(); code {
			case 0:
				winners = append(winners, version)
			case refused:
			default:
				t.Errorf("child %s ended with %d", version, code)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("winners = %q, want exactly one", winners)
		}
		checkVersion(t, dest, winners[0])
		s, err := CreateStage(dest, newOutput("z").job)
		must(t, err)
		must(t, s.Discard())
		must(t, s.Close())
		checkClean(t, dest)
	}
}

// TestSamePublicationTwiceAtOnce has a coordinator that lost sight of one
// publisher and started another: both must succeed, and the output must be whole.
func TestSamePublicationTwiceAtOnce(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			for range 20 {
				dest := setUp(t, mode.overwrite)
				job := newOutput("n")
				s, err := CreateStage(dest, job.job)
				must(t, err)
				must(t, job.stage(s))
				must(t, s.Close())
				var wait sync.WaitGroup
				for range 3 {
					wait.Go(func() {
						again := OpenStage(dest, job.job)
						again.disk = faultyDisk(mode.plain, 0, false, nil, new(int), new(string))
						if err := again.Publish(job.files(), job.success(), mode.overwrite); err != nil {
							t.Errorf("Publish at once with another = %v, want no error", err)
						}
					})
				}
				wait.Wait()
				checkVersion(t, dest, "n")
			}
		})
	}
}

// TestReaderSeesWholeOutputs polls the destination while it is overwritten.
func TestReaderSeesWholeOutputs(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	newOutput("a").runOK(t, dest, false)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	whole := 0
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if pollOnce(t, dest) {
				whole++
			}
		}
	})
	for i := range 40 {
		newOutput(string(rune('a'+i%26))).runOK(t, dest, true)
	}
	close(stop)
	wait.Wait()
	if whole == 0 {
		t.Errorf("the reader never saw a whole output")
	}
	t.Logf("%d whole outputs seen", whole)
}

// pollOnce reads the whole destination. What it read counts when the directory
// was the destination all the time; a reader that keeps an old directory open
// while it is deleted sees it shrink.
func pollOnce(t *testing.T, dest string) bool {
	dir, err := os.Open(dest)
	if err != nil {
		t.Errorf("destination is away: %v", err)
		return false
	}
	defer dir.Close()
	version, err := versionAt(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
	if !sameFile(dir, dest) {
		return false
	}
	if err != nil || version == "" {
		t.Errorf("destination holds %q, %v, want a whole output", version, err)
		return false
	}
	return true
}
