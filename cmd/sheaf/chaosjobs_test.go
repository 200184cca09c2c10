package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// chaosPrograms are the programs of the jobs.
var chaosPrograms = []string{"acts", "drives", "ways", "keyed", "tiny"}

// chaosJob is a job on its way.
type chaosJob struct {
	program string
	args    []string
	want    []string
	rows    func() []string // that it has written
	outputs []string
	others  bool     // other jobs publish them, which it drives
	gates   []string // files that it waits for, one after the other
}

// chaosKinds make the jobs, each as often as it stands here. They get a directory
// of the job's own.
var chaosKinds = []func(x *chaos, dir string, rnd *rand.Rand) (*chaosJob, error){
	(*chaos).acts, (*chaos).acts, (*chaos).drives, (*chaos).ways, (*chaos).ways, (*chaos).join, (*chaos).join, (*chaos).skewed, (*chaos).tiny,
}

// acts counts the lines of files, of which each waits for the gate.
func (x *chaos) acts(dir string, rnd *rand.Rand) (*chaosJob, error) {
	out, gate, files := filepath.Join(dir, "out"), filepath.Join(dir, "gate"), 1+rnd.IntN(8)
	j := &chaosJob{
		program: "acts", args: []string{"--input", filepath.Join(dir, "in"), "--output", out}, outputs: []string{out}, gates: []string{gate},
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
func (x *chaos) drives(dir string, rnd *rand.Rand) (*chaosJob, error) {
	out := filepath.Join(dir, "out")
	return &chaosJob{
		program: "drives", want: []string{"15", "25", "5"}, rows: func() []string { return rowsIn(x.t, out) },
		outputs: []string{out}, others: true, gates: []string{filepath.Join(dir, "gate")},
		args: []string{"--dir", dir, "--output", out, "--wait", fmt.Sprint(1 + rnd.IntN(5)), "--sheaf.session", filepath.Join(dir, "session")},
	}, nil
}

// ways counts words and sorts lines, to two outputs.
func (x *chaos) ways(dir string, _ *rand.Rand) (*chaosJob, error) {
	w := &ways{x.oracle.ways, dir}
	return &chaosJob{
		program: "ways", args: w.args(), want: x.oracle.waysRows, rows: func() []string { return w.rows(x.t) },
		outputs: []string{w.counts(), w.sorted()}, gates: []string{w.gate()},
	}, nil
}

// join joins two inputs by key.
func (x *chaos) join(dir string, _ *rand.Rand) (*chaosJob, error) {
	return x.keyed(dir, x.oracle.joined, "--input", x.oracle.left, "--with", x.oracle.right), nil
}

// skewed digests groups of which one has most of the rows.
func (x *chaos) skewed(dir string, _ *rand.Rand) (*chaosJob, error) {
	return x.keyed(dir, x.oracle.digests, "--input", x.oracle.skewed), nil
}

// keyed writes in one order over all of its files, which so are compared byte for
// byte with those of local mode.
func (x *chaos) keyed(dir string, want []string, args ...string) *chaosJob {
	out, gate := filepath.Join(dir, "out"), filepath.Join(dir, "gate")
	return &chaosJob{
		program: "keyed", args: append(args, "--output", out, "--gate", gate), want: want, outputs: []string{out},
		rows: func() []string { return orderedRows(x.t, out) }, gates: []string{gate, gate + "-late"},
	}
}

// tiny is a job of many tasks that do nothing.
func (x *chaos) tiny(dir string, _ *rand.Rand) (*chaosJob, error) {
	out := filepath.Join(dir, "out")
	return &chaosJob{
		program: "tiny", args: []string{"--tasks", tinyTasks, "--output", out}, want: x.oracle.digits, outputs: []string{out},
		rows: func() []string { return rowsIn(x.t, out) },
	}, nil
}

const tinyTasks = "60"

// orderedRows returns the lines of an output in its order.
func orderedRows(t testing.TB, output string) []string {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(output, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Collect(strings.Lines(string(text)))...)
	}
	return all
}

// chaosOracle is what jobs read, and what they write in local mode.
type chaosOracle struct {
	ways, left, right, skewed         string
	waysRows, joined, digests, digits []string
}

// newChaosOracle asks local mode.
func newChaosOracle(t testing.TB, programs map[string]string) *chaosOracle {
	t.Helper()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(3, 4))
	keys := func() string { return fmt.Sprint(rnd.IntN(20000)) }
	hot := func() string {
		if rnd.IntN(10) > 0 {
			return "hot"
		}
		return keys()
	}
	o := &chaosOracle{
		ways: waysInput(t), left: keyedInput(t, dir, "left", 2, keys), right: keyedInput(t, dir, "right", 1, keys), skewed: keyedInput(t, dir, "skewed", 2, hot),
	}
	w := ways{o.ways, dir}
	w.local(t, programs["ways"])
	o.waysRows = w.rows(t)
	gate := w.gate()
	if err := os.WriteFile(gate+"-late", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) string {
		out := filepath.Join(dir, fmt.Sprint("out-", len(args), program))
		args = append(args, "--output", out)
		if text, err := exec.Command(programs[program], args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v: %s", program, args, err, text)
		}
		return out
	}
	o.joined = orderedRows(t, run("keyed", "--gate", gate, "--input", o.left, "--with", o.right))
	o.digests = orderedRows(t, run("keyed", "--gate", gate, "--input", o.skewed))
	o.digits = rowsIn(t, run("tiny", "--tasks", tinyTasks))
	if min(len(o.waysRows), len(o.joined), len(o.digests), len(o.digits)) == 0 {
		t.Fatal("local mode wrote nothing")
	}
	return o
}

// keyedInput writes files of keys and values, each a task of its own. The first
// waits.
func keyedInput(t testing.TB, dir, name string, files int, key func() string) string {
	t.Helper()
	dir = filepath.Join(dir, name)
	err := os.Mkdir(dir, 0o700)
	for i := range files {
		var text bytes.Buffer
		if i == 0 {
			text.WriteString("wait here\n")
		}
		for n := 0; text.Len() < 1100<<10; n++ {
			fmt.Fprintf(&text, "%s %s-%d-%d%s\n", key(), name, i, n, strings.Repeat(".", 80))
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", i)), text.Bytes(), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// told is how jobs ended, as clients were told.
type told struct {
	mu    sync.Mutex          // guards all
	codes map[string]int      // of attach, by job
	dirs  map[string][]string // what those published that ended well
}

func (o *told) ended(id string, code int, j *chaosJob) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.codes == nil {
		o.codes, o.dirs = map[string]int{}, map[string][]string{}
	}
	o.codes[id] = code
	if code == exitOK && !j.others {
		o.dirs[id] = j.outputs
	}
}
