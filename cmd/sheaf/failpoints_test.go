package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/failpoint"
)

var failpointsAll = flag.Bool("failpoints.all", false, "let TestFailpoints meet more hits of each point, and stopped processes and errors")

// pointFault is what one process meets at a point.
type pointFault struct {
	point  failpoint.Point
	nth    int
	action string
	spares bool // the coordinator, which comes to the point first
}

func (f pointFault) String() string {
	text := fmt.Sprintf("%v/%d/%s", f.point, f.nth, f.action)
	if f.spares {
		text += " an executor"
	}
	return text
}

// TestFailpoints kills one process of a cluster at each point that there is, and
// starts it again: the job ends as if nothing had happened, nobody ever sees a
// part of an output, and nothing is left.
func TestFailpoints(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: failpoints: a minute of processes that the race detector does not see into: run without -short")
	}
	built, err := failpointBuilds()
	if err != nil {
		t.Fatal(err)
	}
	input := waysInput(t)
	local := &ways{input: input, dir: t.TempDir()}
	local.local(t, filepath.Join(built, "ways"))
	want := local.rows(t)
	hits := countHits(t, input, want)
	for _, p := range failpoint.All() {
		for _, f := range faultsAt(p, hits[p]) {
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				meet(t, f, input, want)
			})
		}
	}
}

// faultsAt chooses faults at a point that a process comes to so often.
func faultsAt(p failpoint.Point, hits int) []pointFault {
	all := []pointFault{{point: p, nth: 1, action: "kill"}}
	if p == failpoint.ProgramPart || p == failpoint.ProgramNamed {
		all = append(all, pointFault{p, 1, "kill", true})
	}
	var later []int
	if p%3 == 0 { // a second cluster for each point would take another minute
		later = []int{hits / 2}
	}
	if *failpointsAll {
		all = append(all, pointFault{point: p, nth: 1, action: "stop"}, pointFault{point: p, nth: 1, action: "error"})
		later = []int{2, 3, hits / 4, hits / 2}
	}
	slices.Sort(later)
	for _, nth := range slices.Compact(later) {
		if nth > 1 && nth <= hits/2 { // later ones may never come when tasks go elsewhere
			all = append(all, pointFault{point: p, nth: nth, action: "kill"})
		}
	}
	return all
}

// restarts are points that a process comes to only when one was killed before.
var restarts = map[failpoint.Point]bool{failpoint.StoreRecover: true}

// countHits runs the job without any fault, and once with a restart, and returns
// how often a process came to each point. There must be none that it never does.
func countHits(t *testing.T, input string, want []string) map[failpoint.Point]int {
	t.Helper()
	hits := map[failpoint.Point]int{}
	for _, restarted := range []bool{false, true} {
		trace := filepath.Join(t.TempDir(), "trace")
		c := newSupervised(t, false, failpoint.TraceVariable+"="+trace)
		runWays(t, c, input, want, restarted)
		c.end()
		text, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, rest, _ := strings.Cut(line, " ")
			_, number, _ := strings.Cut(strings.TrimSpace(rest), " ")
			n, err := strconv.Atoi(number)
			i := slices.IndexFunc(failpoint.All(), func(p failpoint.Point) bool { return p.String() == name })
			if err != nil || i < 0 {
				t.Fatalf("trace has the line %q", line)
			}
			if p := failpoint.All()[i]; !restarted || restarts[p] {
				hits[p] = max(hits[p], n)
			}
		}
	}
	for _, p := range failpoint.All() {
		if hits[p] == 0 {
			t.Errorf("the job never comes to %v: let it, or remove the point", p)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return hits
}

// meet runs the job while one process meets a fault.
func meet(t *testing.T, f pointFault, input string, want []string) {
	dir := t.TempDir()
	once, trace := filepath.Join(dir, "once"), filepath.Join(dir, "trace")
	c := supervise(t, f.action == "error",
		fmt.Sprintf("%s=%v:%d:%s", failpoint.Variable, f.point, f.nth, f.action),
		failpoint.OnceVariable+"="+once, failpoint.TraceVariable+"="+trace)
	c.spared = f.spares
	c.startAll()
	if f.action == "stop" {
		c.watch.Go(func() { c.goOn(once) })
	}
	job := runWays(t, c, input, want, restarts[f.point])
	if _, err := os.Stat(once); err != nil {
		if f.nth > 1 {
			t.Logf("%v came up less than %d times", f.point, f.nth)
			return
		}
		t.Errorf("no process came to %v", f.point)
	}
	if c.onlyCoordinator() {
		notAgain(t, c, job, trace)
	}
}

// notAgain checks that no task of a job ran twice: all attempts outlived their
// coordinator.
func notAgain(t *testing.T, c *supervised, job, trace string) {
	t.Helper()
	var shown jobObject
	got := c.sheaf("job", "--json", job)
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	want := 2 // the listing and the publication
	for _, s := range shown.Stages {
		want += int(s.Tasks)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if ran := strings.Count("\n"+string(text), "\n"+failpoint.AttemptDone.String()+" "); ran != want {
		t.Errorf("%d attempts ran for %d tasks, want each once", ran, want)
	}
}

// runWays submits the job and checks how it ends. With a restart an executor that
// holds map outputs is killed first.
func runWays(t *testing.T, c *supervised, input string, want []string, restart bool) (job string) {
	t.Helper()
	w := &ways{input: input, dir: t.TempDir()}
	if !restart {
		w.open(t)
	}
	stop := w.poll()
	job = c.submit(w)
	if restart {
		var holder string
		c.until("an executor holds map outputs", func() bool {
			for name := range c.published() {
				holder = name
			}
			return holder != ""
		})
		if err := c.node(holder).cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		w.open(t)
	}
	c.follow(job).want(t, exitOK)
	if err := stop(); err != nil {
		t.Errorf("while the job ran: %v", err)
	}
	if got := w.rows(t); !slices.Equal(got, want) {
		t.Errorf("%d rows that differ from the %d of local mode", len(got), len(want))
	}
	c.settled()
	c.restart()
	if got := c.follow(job); got.code != exitOK {
		t.Errorf("the job is done, and after a restart attach ends with %d: %s", got.code, got.stderr)
	}
	c.settled()
	if c.mayFail { // what could not be deleted is left to the next job
		w.sweep(t)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("beside the outputs there is %q", left)
	}
	if err := c.troubles(); err != nil {
		t.Error(err)
	}
	return job
}
