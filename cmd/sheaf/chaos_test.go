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
	ways      string   // input of the job of that name
	waysRows  []string // that it writes in local mode
	disk      string   // the limited disk, where there is one
	tally     tally
}

// TestChaos submits jobs and drivers while processes are killed, stopped and
// told to leave, while disks are full and bytes on them change: every job that was
// taken ends, its rows are those of local mode, nobody ever sees a part of its
// output, and at the end nothing of it is left.
func TestChaos(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaos.seed %d", seed)
	x := &chaos{executors: []string{"a", "b", "c"}, rnd: rand.New(rand.NewPCG(seed, 0)), programs: map[string]string{}}
	for _, name := range []string{"acts", "drives", "ways"} {
		x.programs[name] = buildOnce(t, name)
	}
	local := ways{waysInput(t), t.TempDir()}
	local.local(t, x.programs["ways"])
	x.ways, x.waysRows = local.input, local.rows(t)
	var clients sync.WaitGroup
	t.Cleanup(clients.Wait) // after the cluster's end, which is theirs
	x.realCluster = newRealCluster(t)
	x.limitDisk()
	for _, name := range x.executors {
		x.executor(name)
	}
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
	x.tally.tell(t)
}

// chaosJob is a job on its way.
type chaosJob struct {
	program string
	args    []string
	want    []string
	rows    func() []string // that it has written
	outputs []string
	poll    func() error // ends a look at the outputs; nil for none
}

// acts is a job that counts the lines of files, of which each waits for the gate.
func (x *chaos) acts(dir, gate string, rnd *rand.Rand) (*chaosJob, error) {
	out, files := filepath.Join(dir, "out"), 1+rnd.IntN(8)
	j := &chaosJob{
		program: "acts", args: []string{"--input", filepath.Join(dir, "in"), "--output", out}, outputs: []string{out},
		want: []string{pads(files), fmt.Sprintf("wait\t%d", files)}, rows: func() []string { return rowsIn(x.t, out) },
	}
	for i := range files {
		text := strings.Repeat("pad "+strings.Repeat("-", 1<<10)+"\n", 1100) + "wait " + gate + "\nx" + fmt.Sprint(i) + "\n"
		if err := os.WriteFile(filepath.Join(dir, "in", fmt.Sprint(i)), []byte(text), 0o600); err != nil {
			return nil, err
		}
		j.want = append(j.want, fmt.Sprintf("x%d\t1", i))
	}
	slices.Sort(j.want)
	return j, nil
}

// drives is a driver of several jobs.
func (x *chaos) drives(dir string, rnd *rand.Rand) *chaosJob {
	out := filepath.Join(dir, "out")
	return &chaosJob{
		program: "drives", want: []string{"15", "25", "5"}, rows: func() []string { return rowsIn(x.t, out) }, outputs: []string{out},
		args: []string{"--dir", dir, "--output", out, "--wait", fmt.Sprint(1 + rnd.IntN(5)), "--sheaf.session", filepath.Join(dir, "session")},
	}
}

// both is a job of two outputs, counted and sorted, that somebody watches.
func (x *chaos) both(dir string) *chaosJob {
	w := &ways{x.ways, dir}
	return &chaosJob{
		program: "ways", args: w.args(), want: x.waysRows, rows: func() []string { return w.rows(x.t) }, outputs: []string{w.counts(), w.sorted()},
		poll: w.poll(),
	}
}

// job submits a job and checks how it ends. It runs beside others of its kind,
// and ends no test but by saying so.
func (x *chaos) job(name string, rnd *rand.Rand) {
	dir := filepath.Join(x.dir, "job-"+name)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(filepath.Join(dir, "in"), 0o700), os.Mkdir(filepath.Join(dir, "session"), 0o700)); err != nil {
		x.t.Error(err)
		return
	}
	var j *chaosJob
	gate := filepath.Join(dir, "gate")
	switch rnd.IntN(4) {
	case 0:
		j = x.drives(dir, rnd)
	case 1:
		j = x.both(dir)
	default:
		var err error
		if j, err = x.acts(dir, gate, rnd); err != nil {
			x.t.Error(err)
			return
		}
	}
	if j.poll != nil {
		defer func() {
			if err := j.poll(); err != nil {
				x.t.Errorf("job %s: %v", name, err)
			}
		}()
	}
	got := x.sheaf(append([]string{"submit", "-q", "-d", x.programs[j.program], "--"}, j.args...)...)
	opener := time.AfterFunc(time.Duration(rnd.IntN(4000))*time.Millisecond, func() { os.WriteFile(gate, nil, 0o600) })
	if got.code != exitOK {
		if got.code != exitUnreachable {
			x.t.Errorf("job %s was not taken: exit code %d: %s", name, got.code, got.stderr)
		}
		return
	}
	id, cancels := strings.TrimSpace(got.stdout), rnd.IntN(8) == 0
	if cancels {
		x.tally.fault("cancel")
		x.wait(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		if got := x.sheaf("cancel", id); got.code != exitOK && got.code != exitUnreachable {
			x.t.Logf("cancel of %s: exit code %d: %s", id, got.code, got.stderr)
		}
	}
	got = x.sheaf("attach", id)
	for tries := 0; got.code == exitUnreachable && tries < 5; tries++ {
		got = x.sheaf("attach", id)
	}
	x.t.Logf("%s %s (%s) ended with %d", j.program, id, name, got.code)
	switch {
	case got.code == exitOK:
		if !x.tally.job(j.rows(), j.want) {
			x.t.Errorf("%s %s: other rows than the %d of local mode", j.program, id, len(j.want))
		}
	case cancels && got.code == exitCanceled:
		opener.Stop() // what still waits for it has to be ended
		for _, out := range j.outputs {
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				x.t.Errorf("the output %s of %s, which was canceled: %v, want none", out, id, err)
			}
		}
	default:
		x.t.Errorf("%s %s ended with exit code %d: %s", j.program, id, got.code, got.stderr)
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
