//go:build linux

package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// nthVariable tells a child before which of its operations it ends.
const nthVariable = "SHEAF_STORAGE_TEST_NTH"

// childEnds runs a job in one of the modes and kills itself before one of its
// operations. It prints what it did not do.
func childEnds(dest, mode string) {
	job := childJob()
	m := modeNamed(mode)
	nth, err := strconv.Atoi(os.Getenv(nthVariable))
	if err == nil {
		count := 0
		err = job.run(&disk{before: func(operation, path string) error {
			if count++; count == nth {
				fmt.Println(operation, path)
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // other threads may run for a moment: this one must not
			}
			if m.plain && (operation == "rename-new" || operation == "exchange") {
				return errUnsupported
			}
			return nil
		}}, dest, m.overwrite)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

func modeNamed(name string) publishMode {
	return modes[slices.IndexFunc(modes, func(m publishMode) bool { return m.name == name })]
}

// childJob is the job of a child, which its parent knows by this id.
func childJob() output { return output{plan.JobID{15: 1}, "n"} }

// someModes are the ways to publish that a test tries.
func someModes() []publishMode {
	if testing.Short() {
		return modes[:1]
	}
	return modes
}

// TestKillAtEachOperation kills a process before each thing that it does to the
// disk, from the lock of its stage to the end of it. Whoever looks finds the old
// output, the new one or none, and the same job goes on in the next process, which
// has what it needs from the last staged file on.
func TestKillAtEachOperation(t *testing.T) {
	for _, mode := range someModes() {
		t.Run(mode.name, func(t *testing.T) {
			points, resumed := 0, 0
			for nth := 1; ; nth++ {
				dest := setUp(t, mode.overwrite)
				t.Setenv(nthVariable, strconv.Itoa(nth))
				c := startChild(t, "ends", dest, mode.name)
				c.Wait() // its error is the kill
				if c.ProcessState.Success() {
					checkVersion(t, dest, "n")
					checkClean(t, dest)
					break
				}
				if c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("child ended by itself: %v", c.ProcessState)
				}
				points++
				if goOn(t, nth, dest, mode) {
					resumed++
				}
			}
			if points < 30 || resumed < 15 || resumed == points {
				t.Errorf("%d points, at %d of which all files were staged, want more than 30 and 15, and some before", points, resumed)
			}
			t.Logf("%d points, at %d of which all files were staged", points, resumed)
		})
	}
}

// goOn looks at what a process left that was killed, and lets another one go on
// with its job: with the publication if all was staged, else anew. It reports
// whether all was.
func goOn(t *testing.T, nth int, dest string, m publishMode) (staged bool) {
	t.Helper()
	s := OpenStage(dest, childJob().job)
	staged = true
	for _, f := range childJob().files() {
		staged = staged && (exists(s.stagedPath(f.Staged)) || exists(filepath.Join(s.dir, finalDir, f.Final)))
	}
	version, _ := versionAt(dest) // resume looks at the error
	staged = staged || version == "n"
	if err := resume(dest, m, staged); err != nil {
		t.Errorf("after a kill at %d: %v", nth, err)
	}
	return staged
}

// resume looks at what a process left that ended, and goes on with its job in
// this one, with the publication or anew.
func resume(dest string, m publishMode, staged bool) error {
	before, err := versionAt(dest)
	if err != nil {
		return err
	}
	if before == "" && m.overwrite && !m.plain {
		return errors.New("no output, want the old or the new")
	}
	job := childJob()
	s, err := CreateStage(dest, job.job)
	if err != nil {
		return err
	}
	if m.plain {
		s.disk = faultyDisk(true, 0, false, nil, new(int), new(string))
	}
	if staged {
		for range 2 { // the second time it is done already
			if err := errors.Join(s.Publish(job.files(), job.success(), m.overwrite), holdsNew(dest)); err != nil {
				return errors.Join(err, s.Close())
			}
		}
	} else if err := s.Discard(); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := errors.Join(s.Close(), clean(dest)); err != nil || staged {
		return err
	}
	return errors.Join(job.run(&disk{}, dest, m.overwrite), holdsNew(dest), clean(dest))
}

func holdsNew(dest string) error {
	version, err := versionAt(dest)
	if err == nil && version != "n" {
		err = fmt.Errorf("destination holds %q, want the new output", version)
	}
	return err
}
