package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// drivers are what the tests of drivers share: a cluster, a directory that all
// see, and the program.
type drivers struct {
	*realCluster
	program, dir, session string
}

func newDrivers(t *testing.T, executors ...string) *drivers {
	t.Helper()
	c := newRealCluster(t, executors...)
	d := &drivers{realCluster: c, dir: filepath.Join(c.dir, "shared"), session: filepath.Join(c.dir, "session")}
	for _, dir := range []string{d.dir, d.session} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.program = buildOnce(t, "drives")
	return d
}

// submit submits the driver; more are arguments of its own.
func (d *drivers) submit(options []string, more ...string) outcome {
	d.t.Helper()
	args := append(append([]string{"submit"}, options...), d.program, "--",
		"--dir", d.dir, "--output", filepath.Join(d.realCluster.dir, "sum"), "--sheaf.session", d.session)
	return d.sheaf(append(args, more...)...)
}

// detached submits the driver and returns its id.
func (d *drivers) detached(more ...string) string {
	d.t.Helper()
	got := d.submit([]string{"-q", "-d"}, more...)
	got.want(d.t, exitOK)
	return strings.TrimSpace(got.stdout)
}

// noted is how often something was noted.
func (d *drivers) noted(what string) int {
	text, err := os.ReadFile(filepath.Join(d.dir, what))
	if err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// finished checks that the driver ended well after five steps, each of which ran
// so often, and that nothing is kept any more.
func (d *drivers) finished(runs ...int) {
	d.t.Helper()
	if rows, want := rowsIn(d.t, filepath.Join(d.realCluster.dir, "sum")), []string{"15", "25", "5"}; !slices.Equal(rows, want) {
		d.t.Errorf("rows %q, want %q", rows, want)
	}
	for i, want := range runs {
		step := "step-" + string(rune('1'+i))
		if n := d.noted(step); n != want {
			d.t.Errorf("%s ran %d times, want %d", step, n, want)
		}
	}
	d.nothingKept()
}

func (d *drivers) nothingKept() {
	d.t.Helper()
	if left, err := filepath.Glob(filepath.Join(d.session, "*")); err != nil || len(left) > 0 {
		d.t.Errorf("kept are %q, %v, want nothing", left, err)
	}
}

// TestDriver runs a driver on a cluster with one slot, which its jobs need.
func TestDriver(t *testing.T) {
	d := newDrivers(t, "a")
	got := d.submit(nil)
	got.want(t, exitOK, "step 5/5 tasks", "drives: done in", "  jobs      7\n")
	if got.stdout != "driving\n" {
		t.Errorf("shown is %q, want what the driver printed", got.stdout)
	}
	d.finished(1, 1, 1, 1, 1)
	jobs := d.sheaf("jobs").stdout
	for _, name := range []string{"drives/first-1 ", "drives/step-6 ", "drives/last-7 "} {
		if !strings.Contains(jobs, name) {
			t.Errorf("the jobs are\n%swant one named %s", jobs, name)
		}
	}
}

// TestDriverMoves kills the executor on which a driver runs, and the coordinator:
// no job of it that was done runs again.
func TestDriverMoves(t *testing.T) {
	d := newDrivers(t, "a", "b")
	job := d.detached("--wait", "3")
	d.until("the third step runs", func() bool { return d.noted("step-3") > 0 })
	where := d.driverRuns(job)
	d.kill(where)
	d.until("the driver begins again", func() bool { return d.noted("driver") == 2 })
	d.kill("coordinator")
	d.coordinator()
	d.until("the coordinator answers", func() bool { return d.sheaf("nodes").code == exitOK })
	d.open()
	d.sheaf("attach", job).want(t, exitOK)
	d.finished(1, 1)
	if n := d.noted("step-3"); n < 1 || n > 2 {
		t.Errorf("the third step ran %d times, want once or, where it was lost too, twice", n)
	}
}

// driverRuns is the executor on which a driver runs.
func (d *drivers) driverRuns(job string) string {
	d.t.Helper()
	for _, name := range []string{"a", "b"} {
		workers, err := filepath.Glob(filepath.Join(d.realCluster.dir, name, "jobs", job, "*"))
		if err != nil {
			d.t.Fatal(err)
		}
		if len(workers) > 0 {
			return name
		}
	}
	d.t.Fatalf("no executor has a worker of driver %s", job)
	return ""
}

func (d *drivers) open() {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "gate"), nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// TestDriverProcessEnds: a driver whose process ends begins again.
func TestDriverProcessEnds(t *testing.T) {
	d := newDrivers(t, "a")
	d.submit(nil, "--exit", "4").want(t, exitOK, "drives: done in")
	d.finished(1, 1, 1, 1, 1)
	if n := d.noted("driver"); n != 2 {
		t.Errorf("the driver began %d times, want 2", n)
	}
}

// TestDriverPanics: what a driver forgets on its way out is there for the next
// attempt.
func TestDriverPanics(t *testing.T) {
	d := newDrivers(t, "a")
	d.submit(nil, "--panic", "3").want(t, exitOK, "drives: done in")
	d.finished(1, 1, 1, 1, 1)
	if n := d.noted("driver"); n != 2 {
		t.Errorf("the driver began %d times, want 2", n)
	}
}

// TestDriverMoody: a driver that is started again and runs something else fails.
func TestDriverMoody(t *testing.T) {
	d := newDrivers(t, "a")
	d.submit(nil, "--exit", "4", "--moody").want(t, exitFailed, "was started again and ran step with", "may depend on its arguments and on what its jobs returned only")
	d.nothingKept()
}

// TestDriverJobFails: the failure of a job ends its driver, at once and by name.
func TestDriverJobFails(t *testing.T) {
	d := newDrivers(t, "a")
	d.submit(nil, "--fail", "2").want(t, exitFailed, "job 3 (step): ", "step 2 does not like")
	if n := d.noted("driver"); n != 1 {
		t.Errorf("the driver began %d times, want once", n)
	}
	d.nothingKept()
}

// TestDriverCanceled: the jobs of a driver end with it.
func TestDriverCanceled(t *testing.T) {
	d := newDrivers(t, "a")
	job := d.detached("--wait", "2")
	d.until("the second step runs", func() bool { return d.noted("step-2") > 0 })
	d.sheaf("cancel", job).want(t, exitOK)
	d.sheaf("attach", job).want(t, exitCanceled)
	d.until("its jobs are canceled", func() bool { return !strings.Contains(d.sheaf("jobs").stdout, " running ") })
	if jobs := d.sheaf("jobs").stdout; strings.Count(jobs, " canceled ") != 2 {
		t.Errorf("the jobs are\n%swant the driver and its job canceled", jobs)
	}
	d.nothingKept()
}

// TestDriverDrains: a driver whose executor is drained moves when its time is over.
func TestDriverDrains(t *testing.T) {
	d := newDrivers(t, "a", "b")
	job := d.detached("--wait", "2")
	d.until("the second step runs", func() bool { return d.noted("step-2") > 0 })
	where := d.driverRuns(job)
	d.signal(where, syscall.SIGTERM)
	d.open()
	d.sheaf("attach", job).want(t, exitOK)
	d.finished(1)
}

// TestDriverKeepsNowhere: a driver that keeps datasets needs a directory for them.
func TestDriverKeepsNowhere(t *testing.T) {
	d := newDrivers(t, "a")
	d.sheaf("submit", d.program, "--", "--dir", d.dir, "--output", filepath.Join(d.realCluster.dir, "sum")).
		want(t, exitFailed, "give --sheaf.session=DIR, a directory that all executors share")
	c := d.realCluster
	c.executor("b", "--session", d.session)
	c.signal("a", syscall.SIGTERM)
	c.until("only the executor with a directory for drivers is ready", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == 1 && c.left("a") })
	d.sheaf("submit", d.program, "--", "--dir", d.dir, "--output", filepath.Join(d.realCluster.dir, "sum")).want(t, exitOK)
	d.finished(1)
}
