package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// processesOf lists the processes whose programs lie below a directory.
func processesOf(dir string) []int {
	var pids []int
	found, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range found {
		var pid int
		if _, err := fmt.Sscanf(link, "/proc/%d/exe", &pid); err != nil {
			continue
		}
		if exe, err := os.Readlink(link); err == nil && strings.HasPrefix(exe, dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// workers are the processes that work in the cluster's directory and are none of
// its daemons.
func (x *chaos) workers() []int { return processesOf(x.dir) }

// stacks lets all daemons log what their goroutines do, and end.
func (x *chaos) stacks() {
	for name, n := range x.nodes {
		x.signal(name, syscall.SIGQUIT)
		select {
		case <-n.done:
		case <-time.After(5 * time.Second):
		}
	}
}

// nothingLeft waits until nothing is left of any job but its output and logs.
func (x *chaos) nothingLeft() {
	left := func() []string {
		var all []string
		for _, pattern := range []string{"?/sheaf-executor-*/*", "job-*/session/*"} {
			found, err := filepath.Glob(filepath.Join(x.dir, pattern))
			if err != nil {
				x.t.Fatal(err)
			}
			all = append(all, found...)
		}
		for _, pid := range x.workers() {
			all = append(all, fmt.Sprint("process ", pid))
		}
		return slices.DeleteFunc(all, func(path string) bool { return filepath.Base(path) == "lock" }) // of an executor
	}
	rest := func() (all []string) {
		for end := time.Now().Add(patience); ; x.wait(100 * time.Millisecond) {
			if all = left(); len(all) == 0 || time.Now().After(end) {
				return all
			}
		}
	}
	rest()
	x.nextJobs() // whose workers go a moment after them
	jobs := x.sheaf("jobs").stdout
	if rest := rest(); len(rest) > 0 {
		x.t.Errorf("left are\n%s\nof the jobs\n%s", strings.Join(rest, "\n"), jobs)
	}
	for _, state := range []string{" running ", " queued "} {
		if strings.Contains(jobs, state) {
			x.t.Errorf("the jobs are\n%swant all ended", jobs)
		}
	}
}

// nextJobs runs another job wherever something stands beside the output of one: a
// worker that was killed leaves its staging directory to the next job.
func (x *chaos) nextJobs() {
	staged := func(dir string) []string {
		found, err := filepath.Glob(filepath.Join(dir, ".sheaf-*"))
		if err != nil {
			x.t.Fatal(err)
		}
		return found
	}
	outputs := map[string]bool{} // out, and out/counts and out/sorted of the job ways
	for _, below := range []string{"job-*", "job-*/out"} {
		for _, path := range staged(filepath.Join(x.dir, below)) {
			name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), ".sheaf-stage-"), "-")
			outputs[filepath.Join(filepath.Dir(path), name)] = true
		}
	}
	input := filepath.Join(x.dir, "again")
	if err := os.WriteFile(input, []byte("again\n"), 0o600); err != nil {
		x.t.Fatal(err)
	}
	for out := range outputs {
		_, err := os.Stat(out)
		was := !errors.Is(err, os.ErrNotExist)
		kept := out + "-kept"
		if was { // the audit still compares it
			if err := os.Rename(out, kept); err != nil {
				x.t.Fatal(err)
			}
		}
		x.sheaf("submit", x.programs["acts"], "--", "--input", input, "--output", out).want(x.t, exitOK)
		if rows, want := rowsIn(x.t, out), []string{"again\t1"}; !slices.Equal(rows, want) {
			x.t.Errorf("rows of the next job %q, want %q", rows, want)
		}
		dir := filepath.Dir(out)
		x.until(fmt.Sprintf("nothing of a job before is left in %s, where there is %q", dir, staged(dir)), func() bool {
			return !slices.ContainsFunc(staged(dir), func(path string) bool {
				return strings.HasPrefix(filepath.Base(path), ".sheaf-stage-"+filepath.Base(out)+"-")
			})
		})
		if was {
			err = errors.Join(os.RemoveAll(out), os.Rename(kept, out))
		} else {
			err = os.RemoveAll(out)
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
}
