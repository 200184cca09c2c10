package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/shuffle/block"
)

// spilling is a run of the job ways on one task that needs far more memory than
// attempts have, and about 12 MB of disk.
func spilling(t testing.TB) *ways {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file) // which nobody can cut
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 220_000 {
		fmt.Fprintf(z, "%016x%016x\n", rnd.Uint64(), rnd.Uint64())
	}
	w := &ways{input: t.TempDir(), dir: t.TempDir()}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.input, "one.gz"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	return w
}

// job returns what a job is, by its name.
func (c *realCluster) job(name string) (j struct {
	Job, Waiting string
	Stages       []struct{ Failed int }
}) {
	c.t.Helper()
	got := c.sheaf("job", name, "--json")
	got.want(c.t, exitOK)
	if err := json.Unmarshal([]byte(got.stdout), &j); err != nil {
		c.t.Fatal(err)
	}
	return j
}

// TestDiskLimit: what attempts spill is bounded by --disk. A task that does not fit
// goes to another executor, at no expense of the job; without one the job ends and
// says where, how much was wanted and how much is free.
func TestDiskLimit(t *testing.T) {
	c := newRealCluster(t)
	ready := func(name string, more ...string) {
		c.executor(name, append([]string{"--memory", "16MiB"}, more...)...)
		c.until(name+" is ready", func() bool {
			got := c.sheaf("nodes")
			return got.code == exitOK && strings.Count(got.stdout, " ready ") == len(c.nodes)-1
		})
	}
	ready("small", "--disk", "1MiB")
	w, program := spilling(t), buildOnce(t, "ways")
	got := c.sheaf(append([]string{"submit", program, "--"}, w.args()...)...)
	got.want(t, exitFailed, "failed 4 times because disks are full, on small, in the end: ", "spill ", filepath.Join(c.dir, "small"),
		" bytes more are above the limit of 1048576 for all files of the store", " bytes free: raise it by --disk of the executor")

	ready("large")
	got = c.sheaf(append([]string{"submit", program, "--"}, w.args()...)...)
	got.want(t, exitOK, "ways: done in")
	local := &ways{input: w.input, dir: t.TempDir()}
	local.local(t, program)
	if got, want := w.rows(t), local.rows(t); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d rows that are not the %d of local mode", len(got), len(want))
	}
	failed := 0
	for _, s := range c.job(c.lastJob()).Stages {
		failed += s.Failed
	}
	if failed == 0 {
		t.Error("no attempt failed: the small executor was not tried")
	}
	c.until("the limit is free again", func() bool {
		left, err := filepath.Glob(filepath.Join(c.dir, "small", "sheaf-executor-*", "worker-*"))
		return err == nil && len(left) == 0
	})
}

// lastJob names the job that was submitted last.
func (c *realCluster) lastJob() string {
	return strings.Fields(c.sheaf("jobs", "-q").stdout)[0]
}

// TestDiskReserve: an executor below its low-water mark gets no tasks, which the
// list of executors and the job say.
func TestDiskReserve(t *testing.T) {
	c := newRealCluster(t)
	c.executor("low", "--disk-reserve", "1000TiB")
	c.until("the executor says that it is low on disk space", func() bool {
		return strings.Contains(c.sheaf("nodes").stdout, "it is low on disk space, with ")
	})
	output := filepath.Join(c.dir, "out")
	c.sheaf("submit", "--detach", acts(t), "--", "--input", c.input("x"), "--output", output).want(t, exitOK)
	job := c.lastJob()
	if waits := c.job(job).Waiting; !strings.HasPrefix(waits, "every executor is low on disk space") {
		t.Errorf("the job waits because %q", waits)
	}
	c.executor("none", "--disk-reserve", "0")
	c.sheaf("attach", job).want(t, exitOK)
	if left, err := filepath.Glob(filepath.Join(c.dir, "low", "jobs", "*")); err != nil || len(left) > 0 {
		t.Errorf("the executor that is low has logs of a job: %v, %v", left, err)
	}
}

// TestDamageIsBlamed: a map output that is damaged on a disk is made again, and the
// coordinator's log says that it was that executor's disk.
func TestDamageIsBlamed(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("x", "wait "+gate))
	var files []string
	c.until("a map output is there", func() bool {
		var err error
		files, err = filepath.Glob(filepath.Join(c.dir, "*", "sheaf-executor-*", "*.output"))
		return err == nil && len(files) == 1
	})
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], block.HeaderBytes); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], block.HeaderBytes); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, want := c.end(job, output), []string{pads(2), "wait\t1", "x\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	holder := strings.Split(strings.TrimPrefix(files[0], c.dir+"/"), "/")[0]
	id := strings.TrimSuffix(filepath.Base(files[0]), ".output")
	log := c.nodes["coordinator"].log.String()
	at := strings.Index(log, "damaged bytes of a map output came to a reader")
	if at < 0 {
		t.Fatal("the coordinator's log does not speak of damage")
	}
	line, _, _ := strings.Cut(log[at:], "\n")
	for _, want := range []string{"output=" + id, "executor=" + holder, `blame="disk of ` + holder + `"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the coordinator says %q, want %q in it", line, want)
		}
	}
}
