package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaosShort is how long the short form of TestChaos takes.
const chaosShort = 12 * time.Second

var (
	chaosTime = flag.Duration("chaos.time", chaosShort, "how long each form of TestChaos submits jobs and breaks things")
	chaosSeed = flag.Uint64("chaos.seed", 0, "its seed; 0 for a new one")
)

const (
	// chaosEnd bounds how long jobs may go on when nothing is broken any more: a
	// lease of an executor, that of a new coordinator, and their work.
	chaosEnd = 3 * time.Minute
	// chaosFaultsLeast is how many faults a form injects, and chaosJobsLeast how
	// many jobs end well, however slow the machine is: fewer prove nothing.
	chaosFaultsLeast = 5
	chaosJobsLeast   = 3
)

// chaos is a cluster whose parts are broken while clients submit.
type chaos struct {
	*realCluster
	coordinators, executors []string
	members                 []*membership                // of coordinators on loopback
	begin                   map[string]func()            // starts a daemon
	admin                   func(args ...string) outcome // runs a command that clients may not
	relays                  []*resetter                  // that daemons are reached through
	net                     *network                     // nil on loopback
	disk                    string                       // the limited disk; empty for none
	rnd                     *rand.Rand
	faults                  []chaosFault
	programs                map[string]string
	oracle                  *chaosOracle
	sum                     *tally
	own                     tally // of this form
	told                    told
}

// TestChaos submits jobs while processes are killed, stopped and told to leave,
// disks are full, bytes on them change and connections break: every job that was
// taken ends, its rows are those of local mode, nobody ever sees a part of its
// output, the journal tells the same, and nothing is left at the end. Its forms
// run side by side.
func TestChaos(t *testing.T) {
	seed, programs := chaosBegins(t)
	oracle, sum := newChaosOracle(t, programs), &tally{}
	t.Run("forms", func(t *testing.T) {
		var all sync.WaitGroup
		defer all.Wait()
		for i, form := range chaosForms {
			// Not by t.Parallel, which counts processors: a form mostly waits.
			all.Go(func() {
				t.Run(form.name, func(t *testing.T) {
					x := newChaos(rand.New(rand.NewPCG(seed, uint64(i))), programs, oracle, sum)
					form.start(x, t)
					x.run(seed + uint64(i))
				})
			})
		}
	})
	sum.tell(t)
}

func newChaos(rnd *rand.Rand, programs map[string]string, oracle *chaosOracle, sum *tally) *chaos {
	return &chaos{rnd: rnd, begin: map[string]func(){}, programs: programs, oracle: oracle, sum: sum}
}

// chaosBegins returns the seed of a test and the programs of its jobs.
func chaosBegins(t *testing.T) (seed uint64, programs map[string]string) {
	if seed = *chaosSeed; seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaos.seed %d", seed)
	programs = map[string]string{}
	for _, name := range chaosPrograms {
		programs[name] = buildOnce(t, name)
	}
	return seed, programs
}

// run is the test on a cluster that is there.
func (x *chaos) run(seed uint64) {
	until := time.Now().Add(*chaosTime)
	goesOn := func() bool { return !x.t.Failed() && (time.Now().Before(until) || !x.own.enough()) }
	x.during(seed, goesOn, func() {
		for goesOn() {
			x.breaks()
			x.pause(1000)
		}
	})
}

// during lets clients submit jobs as long as they go on while something is done to
// the cluster, and checks all that they got. It returns what the journal said; nil
// if the jobs hang.
func (x *chaos) during(seed uint64, goesOn func() bool, do func()) *auditor {
	var clients sync.WaitGroup
	x.t.Cleanup(clients.Wait) // after the cluster's end, which is theirs
	x.t.Cleanup(x.killAll)
	for client := range x.clients() {
		rnd := rand.New(rand.NewPCG(seed, uint64(client+1)))
		clients.Go(func() {
			for n := 0; goesOn(); n++ {
				x.job(fmt.Sprintf("%d-%d", client, n), rnd)
			}
		})
	}
	do()
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(chaosEnd):
		x.t.Errorf("jobs hang:\n%s%s", x.sheaf("jobs").stdout, x.sheaf("nodes").stdout)
		x.stacks()
		return nil
	}
	x.t.Log(x.own.String())
	x.sum.add(&x.own)
	x.nothingLeft()
	x.killAll()
	return x.audit()
}

// killAll ends all daemons as a crash does.
func (x *chaos) killAll() {
	for name := range x.nodes {
		if !x.left(name) {
			x.kill(name)
		}
	}
}

// clients is how many submit at once. On hosts of its own each command is a
// process.
func (x *chaos) clients() int {
	if x.net != nil {
		return 2
	}
	return 3
}

// job submits a job and checks how it ends. It runs beside others of its kind,
// and ends no test but by saying so.
func (x *chaos) job(name string, rnd *rand.Rand) {
	dir := filepath.Join(x.dir, "job-"+name)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(filepath.Join(dir, "in"), 0o700), os.Mkdir(filepath.Join(dir, "session"), 0o700)); err != nil {
		x.t.Error(err)
		return
	}
	j, err := chaosKinds[rnd.IntN(len(chaosKinds))](x, dir, rnd)
	if err != nil {
		x.t.Error(err)
		return
	}
	stop := poll(5*time.Millisecond, j.outputs...)
	defer func() {
		if err := stop(); err != nil {
			x.t.Errorf("job %s: %v", name, err)
		}
	}()
	id := x.submits(name, j)
	var openers []*time.Timer
	after := time.Duration(0)
	for _, gate := range j.gates {
		after += time.Duration(rnd.IntN(4000)) * time.Millisecond
		openers = append(openers, time.AfterFunc(after, func() { os.WriteFile(gate, nil, 0o600) }))
	}
	cancels := rnd.IntN(8) == 0
	if id == "" {
		return
	}
	if cancels {
		x.wait(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		if got := x.sheaf("cancel", id); got.code == exitOK {
			x.own.fault("cancel")
		} else {
			x.t.Logf("cancel of %s: exit code %d: %s", id, got.code, got.stderr)
		}
	}
	got := x.patient("attach", id)
	x.told.ended(id, got.code, j)
	x.t.Logf("%s %s (%s) ended with %d", j.program, id, name, got.code)
	switch {
	case got.code == exitOK:
		if !x.own.job(j.rows(), j.want) {
			x.t.Errorf("%s %s: other rows than the %d of local mode", j.program, id, len(j.want))
		}
	case cancels && got.code == exitCanceled:
		for _, o := range openers {
			o.Stop() // what still waits has to be ended
		}
		for _, out := range j.outputs {
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				x.t.Errorf("the output %s of %s, which was canceled: %v, want none", out, id, err)
			}
		}
	default:
		x.t.Errorf("%s %s ended with exit code %d: %s", j.program, id, got.code, got.stderr)
	}
}

// submits submits a job once, however often it has to be said, and returns its
// id; empty when nobody could be reached.
func (x *chaos) submits(name string, j *chaosJob) string {
	args := []string{"submit", "-q", "-d", "--idempotency-key", "chaos " + name, x.programs[j.program], "--"}
	got := x.patient(append(args, j.args...)...)
	switch got.code {
	case exitOK:
		return strings.TrimSpace(got.stdout)
	case exitUnreachable:
		x.t.Logf("job %s was not taken: %s", name, got.stderr)
	default:
		x.t.Errorf("job %s was not taken: exit code %d: %s", name, got.code, got.stderr)
	}
	return ""
}

// patient runs a command of a client again while no coordinator is reached.
func (x *chaos) patient(args ...string) outcome {
	got := x.sheaf(args...)
	for end := time.Now().Add(patience); got.code == exitUnreachable && time.Now().Before(end) && x.t.Context().Err() == nil; {
		x.wait(100 * time.Millisecond) // a relay answers at once that nobody is there
		got = x.sheaf(args...)
	}
	return got
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
