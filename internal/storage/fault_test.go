//go:build linux

package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sheafdata/sheaf/internal/fault"
)

type publishMode struct {
	name             string
	overwrite, plain bool
}

// modes are the ways to publish: into nothing, over an old output, and both
// without renameat2.
var modes = []publishMode{
	{"new", false, false},
	{"overwrite", true, false},
	{"new without renameat2", false, true},
	{"overwrite without renameat2", true, true},
}

var errCrash = errors.New("the process has ended")

// faultyDisk fails the nth operation, counted from 1, and with crash everything
// after it. It counts operations in *count and names the failed one in *failed.
func faultyDisk(plain bool, nth int, crash bool, failure error, count *int, failed *string) *disk {
	return &disk{before: func(operation, path string) error {
		*count++
		if *count == nth {
			*failed = operation + " " + filepath.Base(path)
		}
		if *count == nth || crash && *count > nth {
			return failure
		}
		if plain && (operation == "rename-new" || operation == "exchange") {
			return errUnsupported
		}
		return nil
	}}
}

// quickDir returns a directory in memory where there is one: a process that ends
// loses nothing that was not synced, so waiting for a disk would prove nothing.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sheaf-storage-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func setUp(t *testing.T, overwrite bool) string {
	t.Helper()
	dest := filepath.Join(quickDir(t), "out")
	if overwrite {
		newOutput("o").runOK(t, dest, false)
	}
	return dest
}

// TestFailureAtEachOperation fails one operation, then lets the next process
// do its work.
func TestFailureAtEachOperation(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			points := 0
			for nth := 1; ; nth++ {
				dest := setUp(t, mode.overwrite)
				job := newOutput("n")
				var count int
				var failed string
				err := job.run(faultyDisk(mode.plain, nth, false, syscall.EIO, &count, &failed), dest, mode.overwrite)
				if failed == "" {
					if err != nil {
						t.Fatalf("run without failure = %v, want no error", err)
					}
					break
				}
				points++
				checkAfterFailure(t, fmt.Sprintf("%d: %s", nth, failed), dest, mode.overwrite, err)
			}
			t.Logf("%d operations failed one by one", points)
		})
	}
}

func checkAfterFailure(t *testing.T, what, dest string, overwrite bool, err error) {
	t.Helper()
	version, broken := versionAt(dest)
	if broken != nil {
		t.Errorf("after failing %s: %v", what, broken)
	}
	if err == nil && version != "n" {
		t.Errorf("after failing %s: success was reported and the destination holds %q", what, version)
	}
	if err != nil && !errors.Is(err, syscall.EIO) {
		t.Errorf("after failing %s: error %v, want the cause in it", what, err)
	}
	newOutput("z").runOK(t, dest, overwrite || version == "n")
	checkVersion(t, dest, "z")
	checkClean(t, dest)
}

// TestCrashAtEachOperation ends the process before each operation. Then either
// another job comes, or the same job goes on in a new process.
func TestCrashAtEachOperation(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			points := 0
			for nth := 1; ; nth++ {
				failed := crashThenAnother(t, nth, mode.overwrite, mode.plain)
				crashThenResume(t, nth, mode.overwrite, mode.plain)
				if failed == "" {
					break
				}
				points++
			}
			t.Logf("%d points at which the process ended", points)
		})
	}
}

// crashThenAnother checks that the next job finds the old, the new or no output,
// and clears up.
func crashThenAnother(t *testing.T, nth int, overwrite, plain bool) (failed string) {
	t.Helper()
	dest := setUp(t, overwrite)
	var count int
	newOutput("n").run(faultyDisk(plain, nth, true, errCrash, &count, &failed), dest, overwrite)
	before, err := versionAt(dest)
	if err != nil {
		t.Errorf("after a crash at %d, %s: %v", nth, failed, err)
	}
	if before == "" && overwrite && !plain {
		t.Errorf("after a crash at %d, %s: no output, want the old or the new", nth, failed)
	}
	s, err := CreateStage(dest, newOutput("z").job)
	if err != nil {
		t.Fatalf("CreateStage after a crash at %d, %s: %v", nth, failed, err)
	}
	if after, err := versionAt(dest); err != nil || after != before && !(plain && overwrite && before == "" && after == "o") {
		t.Errorf("after a crash at %d, %s, and clearing up: destination %q, %v, was %q", nth, failed, after, err, before)
	}
	if found, err := leftovers(dest); err != nil || len(found) != 2 {
		t.Errorf("after a crash at %d, %s: beside the destination %q, %v, want the new stage and its lock", nth, failed, found, err)
	}
	must(t, s.Discard())
	must(t, s.Close())
	checkClean(t, dest)
	return failed
}

// crashThenResume checks that a second process of the same job completes the
// publication wherever the first one stopped.
func crashThenResume(t *testing.T, nth int, overwrite, plain bool) {
	t.Helper()
	dest := setUp(t, overwrite)
	job := newOutput("n")
	s, err := CreateStage(dest, job.job)
	must(t, err)
	must(t, job.stage(s))
	var count int
	var failed string
	s.disk = faultyDisk(plain, nth, true, errCrash, &count, &failed)
	if err := s.Publish(job.files(), job.success(), overwrite); err == nil {
		checkVersion(t, dest, "n")
	}
	s.Close()
	again := OpenStage(dest, job.job)
	if plain {
		again.disk = faultyDisk(true, 0, false, nil, new(int), new(string))
	}
	for range 2 { // the second time it is done already
		if err := again.Publish(job.files(), job.success(), overwrite); err != nil {
			t.Errorf("Publish again after a crash at %d, %s: %v", nth, failed, err)
		}
		checkVersion(t, dest, "n")
	}
}

func TestDiskFull(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	s, err := CreateStage(dest, newOutput("n").job)
	must(t, err)
	defer s.Close()
	s.disk = &disk{before: func(operation, path string) error {
		if operation == "write" {
			return syscall.ENOSPC
		}
		return nil
	}}
	w, err := s.Create("a")
	must(t, err)
	_, err = w.Write(make([]byte, 1<<20))
	if fault.KindOf(err) != fault.Resource || !strings.Contains(err.Error(), "1048576 bytes, 1 MiB, needed") || !strings.Contains(err.Error(), w.path) || !strings.Contains(err.Error(), " free)") {
		t.Errorf("Write on a full disk = %v of kind %v, want the path and what it needs", err, fault.KindOf(err))
	}
	if n, again := w.Write([]byte("x")); n != 0 || again != err {
		t.Errorf("second Write = %d, %v, want the first error", n, again)
	}
	if _, _, again := w.Commit(); again != err {
		t.Errorf("Commit = %v, want the first error", again)
	}
	if exists(w.path) {
		t.Errorf("staged file is left after a failed Commit")
	}
	err = s.Publish(nil, []byte("12345"), false)
	if fault.KindOf(err) != fault.Resource || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("Publish on a full disk = %v of kind %v, want what it needs", err, fault.KindOf(err))
	}
}

// TestFullFileSystem meets the real error of a real file system.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED: a full file system: mounting a tmpfs needs root: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	dest := filepath.Join(dir, "out")
	s, err := CreateStage(dest, newOutput("n").job)
	must(t, err)
	w, err := s.Create("a")
	must(t, err)
	_, err = w.Write(make([]byte, 2<<20))
	if fault.KindOf(err) != fault.Resource || !strings.Contains(err.Error(), "2097152 bytes") {
		t.Errorf("Write of 2 MiB into 1 MiB = %v of kind %v, want what it needs", err, fault.KindOf(err))
	}
	if _, _, err := w.Commit(); fault.KindOf(err) != fault.Resource {
		t.Errorf("Commit = %v of kind %v, want %v", err, fault.KindOf(err), fault.Resource)
	}
	must(t, s.Discard())
	must(t, s.Close())
	newOutput("z").runOK(t, dest, false)
	checkVersion(t, dest, "z")
	checkClean(t, dest)
}
