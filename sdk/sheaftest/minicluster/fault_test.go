package minicluster_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// oneFileATask cuts the input of a gateKit.
var oneFileATask = minicluster.Options{Slots: 1, SplitBytes: 1 << 10, Lease: 500 * time.Millisecond}

// held submits gated, which has done its plain files, and stands before its gate on
// both executors.
func held(t *testing.T, c *minicluster.Cluster) (gateKit, *minicluster.Running) {
	t.Helper()
	return holding(t, c, gated, plainFiles)
}

// holding is held for a job that does so many tasks before its gate.
func holding(t *testing.T, c *minicluster.Cluster, job *sdk.Job[gateArgs], tasks int) (gateKit, *minicluster.Running) {
	t.Helper()
	k := newGateKit(t)
	r := minicluster.Submit(t, c, job, k.gateArgs)
	if !r.AwaitTasks(tasks) {
		_, err := r.Wait()
		t.Fatalf("AwaitTasks(%d) = false (%v), want that they are done", tasks, err)
	}
	k.awaitHeld(t, 2)
	return k, r
}

// finish lets the job end and compares what it wrote.
func finish(t *testing.T, k gateKit, job *minicluster.Running) *sdk.Result {
	t.Helper()
	k.open(t)
	result, err := job.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if got := sheaftest.Lines(t, k.Output); !slices.Equal(got, k.want) {
		t.Errorf("the job wrote %q, want %q", got, k.want)
	}
	// Lines were begun more often, by attempts that were lost.
	if want := map[string]int64{"begun": plainFiles + gatedFiles}; !maps.Equal(result.Counters, want) {
		t.Errorf("the job counted %v, want %v", result.Counters, want)
	}
	if job.AwaitTasks(result.Tasks+1) || !job.AwaitTasks(result.Tasks) {
		t.Errorf("AwaitTasks tells of other tasks than the %d of the job", result.Tasks)
	}
	return result
}

func TestKillExecutor(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	k, job := held(t, c)
	c.KillExecutor("e1")
	if got := c.Executors(); !slices.Equal(got, []string{"e2"}) {
		t.Errorf("Executors() = %q, want e2 alone", got)
	}
	finish(t, k, job)
	if n := k.started(t, "wait"); n <= gatedFiles {
		t.Errorf("%d attempts of %d tasks, want more: one was on the executor that was killed", n, gatedFiles)
	}
}

// TestSameChance kills an executor after the coordinator began again: the attempts
// that are made once more draw the same random numbers at the same time of the job.
func TestSameChance(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	k, job := held(t, c)
	c.RestartCoordinator()
	c.KillExecutor("e1")
	finish(t, k, job)
	if n := k.started(t, ""); n <= plainFiles+gatedFiles {
		t.Errorf("%d attempts of %d tasks, want more", n, plainFiles+gatedFiles)
	}
	times, numbers := map[string]bool{}, map[string]bool{}
	for line, saw := range k.drawn(t) {
		if len(saw) != 1 {
			t.Errorf("attempts of %q saw %q, want the same", line, saw)
		}
		at, number, _ := strings.Cut(saw[0], " ")
		times[at], numbers[number] = true, true
	}
	if len(times) != 1 || len(numbers) != plainFiles+gatedFiles {
		t.Errorf("%d tasks had %d times and drew %d numbers, want one time and numbers of their own", plainFiles+gatedFiles, len(times), len(numbers))
	}
}

func TestKillAllAndAdd(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	k, job := held(t, c)
	for _, name := range c.Executors() {
		c.KillExecutor(name)
	}
	if name := c.AddExecutor(); name != "e3" {
		t.Errorf("AddExecutor() = %q, want e3", name)
	}
	finish(t, k, job)
	if n := k.started(t, "plain"); n < 2*plainFiles {
		t.Errorf("%d attempts of %d tasks, want each twice or more: their rows were on executors that were killed", n, plainFiles)
	}
}

// TestHoldersOfASideAreKilled holds that a broadcast side is made again for those who
// have not joined with it yet.
func TestHoldersOfASideAreKilled(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	k, job := holding(t, c, beside, rightFiles+plainFiles)
	for _, name := range c.Executors() {
		c.KillExecutor(name)
	}
	c.AddExecutor()
	result := finish(t, k, job)
	if n := k.started(t, "right"); n < 2*rightFiles {
		t.Errorf("%d attempts of %d tasks of the side, want each twice or more: it was on executors that were killed", n, rightFiles)
	}
	if len(result.Joins) != 1 || !result.Joins[0].Broadcast || result.Joins[0].Rows != rightFiles {
		t.Errorf("Joins = %+v, want one that was broadcast, of %d rows", result.Joins, rightFiles)
	}
}

func TestRestartCoordinator(t *testing.T) {
	t.Parallel()
	patient := oneFileATask
	patient.Lease = time.Minute // no attempt runs twice because this machine is busy
	c := minicluster.New(t, patient)
	k, job := held(t, c)
	c.RestartCoordinator()
	c.RestartCoordinator()
	finish(t, k, job)
	if n := k.started(t, ""); n != plainFiles+gatedFiles {
		t.Errorf("%d attempts of %d tasks, want one each: executors outlive a coordinator", n, plainFiles+gatedFiles)
	}
	again := newGateKit(t)
	again.open(t)
	minicluster.Run(t, c, gated, again.gateArgs)
	if got := sheaftest.Lines(t, again.Output); !slices.Equal(got, again.want) {
		t.Errorf("the next job wrote %q, want %q", got, again.want)
	}
}
