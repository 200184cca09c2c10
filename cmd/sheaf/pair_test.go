package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// pairCut: of three executors two cannot read each other's map outputs, one way or
// both, while all else works. Each reader that it hits moves, and nothing is made
// again.
func pairCut(t *testing.T, ways ...[2]string) {
	c := newSecuredCluster(t, "a", "b", "c")
	for _, way := range ways {
		c.net.lose(way[0], way[1])
	}
	j := c.spread()
	c.until("each executor reads some of the input", func() bool { return c.running("a")+c.running("b")+c.running("c") == 3 })
	c.touch(j.gate)
	j.ends(c)
	for i, stage := range j.stages(c) {
		want := 0 // of who reads input
		if i > 0 {
			want = len(ways)
		}
		if int(stage.Failed) != want || stage.Tasks < 3 {
			t.Errorf("stage %d has %d tasks and %d failed attempts, want at least 3 and %d", i, stage.Tasks, stage.Failed, want)
		}
	}
	for _, way := range ways {
		if log := c.nodes[way[0]].log.String(); !strings.Contains(log, "executor "+way[1]+" is unreachable") {
			t.Errorf("executor %s does not say what it cannot read:\n%s", way[0], log)
		}
	}
	a := c.audited("coordinator")
	if want := map[fault.Kind]int{fault.Unreachable: len(ways)}; !maps.Equal(a.failed, want) {
		t.Errorf("the journal holds failed attempts by kind: %v, want %v", a.failed, want)
	}
	if n := j.launches(a, 0); n != 3 {
		t.Errorf("%d attempts read input, want each of the three tasks once", n)
	}
}

// spreadJob is a job whose map outputs lie on three executors with a slot each,
// and are read by more tasks than that.
type spreadJob struct {
	id, output, gate string
	want             []string // its rows, in order
}

// spread submits such a job. Its tasks that read input wait for the gate.
func (c *securedCluster) spread() *spreadJob {
	c.t.Helper()
	program := buildOnce(c.t, "keyed")
	j := &spreadJob{output: filepath.Join(c.dir, "out"), gate: filepath.Join(c.dir, "gate")}
	input, open, local := filepath.Join(c.dir, "keyed"), filepath.Join(c.dir, "open"), filepath.Join(c.dir, "local")
	if err := os.Mkdir(input, 0o700); err != nil {
		c.t.Fatal(err)
	}
	for i := range 3 {
		text := "wait here\n" + randomLines(uint64(i), 1100<<10)
		if err := os.WriteFile(filepath.Join(input, fmt.Sprint(i)), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.touch(open)
	c.touch(open + "-late")
	c.touch(j.gate + "-late")
	if out, err := exec.Command(program, "--input", input, "--gate", open, "--output", local).CombinedOutput(); err != nil {
		c.t.Fatalf("local mode: %v: %s", err, out)
	}
	if j.want = orderedRows(c.t, local); len(j.want) == 0 {
		c.t.Fatal("local mode wrote nothing")
	}
	got := c.sheaf("submit", "-q", "-d", program, "--", "--input", input, "--gate", j.gate, "--output", j.output)
	got.want(c.t, exitOK)
	j.id = strings.TrimSpace(got.stdout)
	return j
}

// ends waits for the job's end and compares its rows with those of local mode.
func (j *spreadJob) ends(c *securedCluster) {
	c.t.Helper()
	c.sheaf("attach", j.id).want(c.t, exitOK)
	if rows := orderedRows(c.t, j.output); !slices.Equal(rows, j.want) {
		c.t.Errorf("%d rows, and not the %d of local mode", len(rows), len(j.want))
	}
}

// stages are the job's stages as its report shows them.
func (j *spreadJob) stages(c *securedCluster) []stageObject {
	c.t.Helper()
	got := c.sheaf("job", j.id, "--json")
	var o jobObject
	if err := json.Unmarshal([]byte(got.stdout), &o); err != nil || len(o.Stages) != 2 {
		c.t.Fatalf("the job's report is %q %q: %v, want two stages", got.stdout, got.stderr, err)
	}
	return o.Stages
}

// launches counts the attempts of a stage that a journal holds.
func (j *spreadJob) launches(a *auditor, stage plan.StageID) (n int) {
	for _, job := range a.jobs {
		for id := range job.launched {
			if id.Job.String() == j.id && id.Task.Stage == stage {
				n++
			}
		}
	}
	return n
}

// randomLines are keys and values that do not compress, so that there is
// something to read for several tasks.
func randomLines(seed uint64, bytes int) string {
	rnd := rand.New(rand.NewPCG(seed, 5))
	var text strings.Builder
	var value [66]byte
	for text.Len() < bytes {
		for i := range value {
			value[i] = byte(rnd.Uint32())
		}
		fmt.Fprintf(&text, "%d %s\n", rnd.IntN(20000), base64.StdEncoding.EncodeToString(value[:]))
	}
	return text.String()
}
