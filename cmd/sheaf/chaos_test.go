package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	chaosTime = flag.Duration("chaos.time", 15*time.Second, "how long TestChaos submits jobs and breaks things")
	chaosSeed = flag.Uint64("chaos.seed", 0, "its seed; 0 for a new one")
)

// chaosEnd bounds how long jobs may go on when nothing is broken any more: a
// lease of an executor, that of a new coordinator, and their work.
const chaosEnd = 2 * time.Minute

// chaos is a cluster whose processes are ended and stopped while clients submit.
type chaos struct {
	*realCluster
	executors []string
	programs  map[string]string
	rnd       *rand.Rand
}

// TestChaos submits jobs and drivers while processes are killed, stopped and
// told to leave: every job that was taken ends, its rows are what its
// input says, and at the end nothing of it is left.
func TestChaos(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaos.seed %d", seed)
	x := &chaos{executors: []string{"a", "b", "c"}, rnd: rand.New(rand.NewPCG(seed, 0)), programs: map[string]string{}}
	for _, name := range []string{"acts", "drives"} {
		x.programs[name] = buildOnce(t, name)
	}
	var clients sync.WaitGroup
	t.Cleanup(clients.Wait) // after the cluster's end, which is theirs
	x.realCluster = newRealCluster(t, x.executors...)
	until := time.Now().Add(*chaosTime)
	for client := range 3 {
		rnd := rand.New(rand.NewPCG(seed, uint64(client+1)))
		clients.Go(func() {
			for n := 0; time.Now().Before(until) && !t.Failed(); n++ {
				x.job(fmt.Sprintf("%d-%d", client, n), rnd)
			}
		})
	}
	for time.Now().Before(until) && !t.Failed() {
		x.breaks()
		x.pause(1500)
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(chaosEnd):
		t.Errorf("jobs hang:\n%s%s", x.sheaf("jobs").stdout, x.sheaf("nodes").stdout)
		x.stacks()
		return
	}
	x.nothingLeft()
}

// job submits a job and checks how it ends. It runs beside others of its kind,
// and ends no test but by saying so.
func (x *chaos) job(name string, rnd *rand.Rand) {
	dir := filepath.Join(x.dir, "job-"+name)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(filepath.Join(dir, "in"), 0o700), os.Mkdir(filepath.Join(dir, "session"), 0o700)); err != nil {
		x.t.Error(err)
		return
	}
	var program string
	var args, want []string
	gate := filepath.Join(dir, "gate")
	if rnd.IntN(3) > 0 {
		program = "acts"
		files := 1 + rnd.IntN(8)
		for i := range files {
			text := strings.Repeat("pad "+strings.Repeat("-", 1<<10)+"\n", 1100) + "wait " + gate + "\nx" + fmt.Sprint(i) + "\n"
			if err := os.WriteFile(filepath.Join(dir, "in", fmt.Sprint(i)), []byte(text), 0o600); err != nil {
				x.t.Error(err)
				return
			}
			want = append(want, fmt.Sprintf("x%d\t1", i))
		}
		want = append(want, pads(files), fmt.Sprintf("wait\t%d", files))
		slices.Sort(want)
		args = []string{"--input", filepath.Join(dir, "in"), "--output", filepath.Join(dir, "out")}
	} else {
		program = "drives"
		want = []string{"15", "25", "5"}
		args = []string{"--dir", dir, "--output", filepath.Join(dir, "out"), "--wait", fmt.Sprint(1 + rnd.IntN(5)), "--sheaf.session", filepath.Join(dir, "session")}
	}
	got := x.sheaf(append([]string{"submit", "-q", "-d", x.programs[program], "--"}, args...)...)
	opener := time.AfterFunc(time.Duration(rnd.IntN(4000))*time.Millisecond, func() { os.WriteFile(gate, nil, 0o600) })
	if got.code != exitOK {
		if got.code != exitUnreachable {
			x.t.Errorf("job %s was not taken: exit code %d: %s", name, got.code, got.stderr)
		}
		return
	}
	id, cancels := strings.TrimSpace(got.stdout), rnd.IntN(8) == 0
	if cancels {
		x.wait(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		if got := x.sheaf("cancel", id); got.code != exitOK && got.code != exitUnreachable {
			x.t.Logf("cancel of %s: exit code %d: %s", id, got.code, got.stderr)
		}
	}
	got = x.sheaf("attach", id)
	for tries := 0; got.code == exitUnreachable && tries < 5; tries++ {
		got = x.sheaf("attach", id)
	}
	x.t.Logf("%s %s (%s) ended with %d", program, id, name, got.code)
	switch {
	case got.code == exitOK:
		if rows := rowsIn(x.t, filepath.Join(dir, "out")); !slices.Equal(rows, want) {
			x.t.Errorf("%s %s: rows %q, want %q", program, id, rows, want)
		}
	case cancels && got.code == exitCanceled:
		opener.Stop() // what still waits for it has to be ended
		if _, err := os.Stat(filepath.Join(dir, "out")); !os.IsNotExist(err) {
			x.t.Errorf("the output of %s, which was canceled: %v, want none", id, err)
		}
	default:
		x.t.Errorf("%s %s ended with exit code %d: %s", program, id, got.code, got.stderr)
	}
}

// breaks breaks something, and repairs it.
func (x *chaos) breaks() {
	name := x.executors[x.rnd.IntN(len(x.executors))]
	what := x.rnd.IntN(12)
	x.t.Logf("%s: break %d of %s", time.Now().Format("05.000"), what, name)
	switch {
	case what < 3:
		x.kill(name)
		x.pause(1000)
		x.executor(name)
	case what < 5:
		x.kill("coordinator")
		x.pause(1000)
		x.coordinator()
	case what < 6:
		x.stops("coordinator", 3000)
	case what < 8:
		x.stops(name, 4000)
	case what < 9: // longer than its lease
		x.signal(name, syscall.SIGSTOP)
		x.wait(11 * time.Second)
		x.signal(name, syscall.SIGCONT)
	case what < 10:
		x.signal(name, syscall.SIGTERM)
		select {
		case <-x.nodes[name].done:
			if state := x.nodes[name].cmd.ProcessState; !state.Success() {
				x.t.Errorf("executor %s was told to leave and ended by %v:\n%s", name, state, x.nodes[name].log)
			}
		case <-time.After(time.Duration(x.rnd.IntN(8000)) * time.Millisecond):
			x.kill(name)
		}
		x.executor(name)
	default:
		for _, pid := range x.workers() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for name, n := range x.nodes {
		select {
		case <-n.done:
			x.t.Errorf("%s ended by itself: %v\n%s", name, n.cmd.ProcessState, n.log)
		default:
		}
	}
}

// wait lets things go on as they are, not longer than the test.
func (x *chaos) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-x.t.Context().Done():
	}
}

// pause waits for up to so many milliseconds.
func (x *chaos) pause(limit int) { x.wait(time.Duration(x.rnd.IntN(limit)) * time.Millisecond) }

func (x *chaos) stops(name string, limit int) {
	x.signal(name, syscall.SIGSTOP)
	x.pause(limit)
	x.signal(name, syscall.SIGCONT)
}

// workers are the processes that work in the cluster's directory and are none of
// its daemons.
func (x *chaos) workers() []int {
	var pids []int
	found, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range found {
		var pid int
		if _, err := fmt.Sscanf(link, "/proc/%d/exe", &pid); err != nil {
			continue
		}
		if exe, err := os.Readlink(link); err == nil && strings.HasPrefix(exe, x.dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

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
	for end := time.Now().Add(30 * time.Second); len(left()) > 0 && time.Now().Before(end); {
		x.wait(100 * time.Millisecond)
	}
	x.nextJobs()
	jobs := x.sheaf("jobs").stdout
	if rest := left(); len(rest) > 0 {
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
	staged, err := filepath.Glob(filepath.Join(x.dir, "job-*", ".sheaf-*"))
	if err != nil {
		x.t.Fatal(err)
	}
	dirs := map[string]bool{}
	for _, path := range staged {
		dirs[filepath.Dir(path)] = true
	}
	for dir := range dirs {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "gate"), nil, 0o600), os.WriteFile(filepath.Join(dir, "in", "0"), []byte("again\n"), 0o600)); err != nil {
			x.t.Fatal(err)
		}
		x.sheaf("submit", x.programs["acts"], "--", "--input", filepath.Join(dir, "in", "0"), "--output", filepath.Join(dir, "out"), "--sheaf.overwrite").want(x.t, exitOK)
		if rows, want := rowsIn(x.t, filepath.Join(dir, "out")), []string{"again\t1"}; !slices.Equal(rows, want) {
			x.t.Errorf("rows of the next job %q, want %q", rows, want)
		}
		left := func() []string { found, _ := filepath.Glob(filepath.Join(dir, ".sheaf-*")); return found }
		x.until(fmt.Sprintf("nothing of a job before is left in %s, where there is %q", dir, left()), func() bool { return len(left()) == 0 })
	}
}
