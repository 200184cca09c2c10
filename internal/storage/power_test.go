//go:build linux

package storage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/powerloss"
)

// childLosesPower runs a job in one of the modes, or writes a file twice, and
// says what its caller may rely on from then on.
func childLosesPower(dest, mode string) {
	err := powerloss.Join()
	if err == nil && mode == wholeMode {
		for _, text := range wholeTexts {
			err = errors.Join(err, WriteWhole(dest, []byte(text)))
			fmt.Println(text)
		}
	} else if err == nil {
		err = runInSteps(dest, modeNamed(mode))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runInSteps(dest string, m publishMode) error {
	job := childJob()
	s, err := createStage(faultyDisk(m.plain, 0, false, nil, new(int), new(string)), dest, job.job)
	if err != nil {
		return err
	}
	if err := job.stage(s); err != nil {
		return err
	}
	fmt.Println("staged")
	if err := s.Publish(job.files(), job.success(), m.overwrite); err != nil {
		return err
	}
	fmt.Println("published")
	return s.Close()
}

// watch returns the trace of a child that was given a destination below root.
func watch(t *testing.T, root, dest, mode string) *powerloss.Trace {
	t.Helper()
	trace, err := powerloss.Begin(root)
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"=power", "SHEAF_STORAGE_TEST_DEST="+dest, "SHEAF_STORAGE_TEST_VERSION="+mode)
	cmd.Stderr = os.Stderr
	err = trace.Watch(cmd, -1)
	if errors.Is(err, powerloss.ErrUnsupported) {
		t.Skipf("SKIPPED: loss of power: %v", err)
	}
	must(t, err)
	return trace
}

// losses are those that a test tries at each operation.
func losses() []powerloss.Loss {
	return append(powerloss.Corners(), powerloss.Drawn(1, 4)...)
}

// TestPowerLoss takes the power away before each operation of a job. Whoever
// looks then finds the old output, the new one or none; a job whose files had
// been staged is published by the next process, and one that had been reported
// as published is there. Each sync that does not happen is missed.
func TestPowerLoss(t *testing.T) {
	for _, mode := range someModes() {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			root := quickDir(t)
			dest := filepath.Join("new", "dirs", "out")
			if mode.overwrite {
				newOutput("o").runOK(t, filepath.Join(root, dest), false)
			}
			trace := watch(t, root, filepath.Join(root, dest), mode.name)
			check := func(before int, dir string) error {
				said, dest := trace.Said(before), filepath.Join(dir, dest)
				if strings.Contains(said, "published") {
					if err := holdsNew(dest); err != nil {
						return err
					}
				}
				return resume(dest, mode, strings.Contains(said, "staged"))
			}
			tmp := quickDir(t)
			trees, err := trace.Check(tmp, losses(), check)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d operations, %d trees", trace.Len(), trees)
			if testing.Short() || mode.overwrite != mode.plain {
				return // the two others have the same syncs
			}
			// The last of three files in a directory makes the names of all of them safe.
			syncs := trace.Syncs()
			unneeded := trace.Unneeded(tmp, losses(), check, syncs)
			if len(syncs) < 15 || len(unneeded) != 2 || !strings.HasSuffix(unneeded[0], "/files/n") || !strings.HasSuffix(unneeded[1], "/files/n") {
				t.Errorf("of %d syncs nobody misses %q, want two of the directory with the staged files, of more than 14", len(syncs), unneeded)
			}
		})
	}
}

// wholeMode has a child write wholeTexts to one file.
const wholeMode = "whole"

var wholeTexts = []string{"the first", "the second text"}

// TestPowerLossWriteWhole takes the power away before each operation of
// WriteWhole: the file holds what was written last, or what was being written.
func TestPowerLossWriteWhole(t *testing.T) {
	root := quickDir(t)
	trace := watch(t, root, filepath.Join(root, "file"), wholeMode)
	check := func(before int, dir string) error {
		got, err := os.ReadFile(filepath.Join(dir, "file"))
		done := strings.Count(trace.Said(before), "\n")
		if done == 0 && errors.Is(err, os.ErrNotExist) {
			return nil
		}
		for _, allowed := range wholeTexts[max(done-1, 0):min(done+1, len(wholeTexts))] {
			if string(got) == allowed {
				return nil
			}
		}
		return fmt.Errorf("the file holds %q, %w", got, err)
	}
	tmp := quickDir(t)
	if _, err := trace.Check(tmp, losses(), check); err != nil {
		t.Fatal(err)
	}
	syncs := trace.Syncs()
	if unneeded := trace.Unneeded(tmp, losses(), check, syncs); len(syncs) != 4 || len(unneeded) > 0 {
		t.Errorf("of %d syncs nobody misses %q, want two for each file, and all missed", len(syncs), unneeded)
	}
}
