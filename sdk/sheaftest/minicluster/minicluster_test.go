package minicluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// TestEqualToLocal holds that a job of many tasks does the same here as in one
// process, to the last byte.
func TestEqualToLocal(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t)
	dir := t.TempDir()
	in := filepath.Join(dir, "in.txt")
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for text.Len() < 6<<20 {
		fmt.Fprintf(&text, "%x to be or not to be %d\n", r.Uint64(), r.IntN(1000))
	}
	write(t, in, text.String())
	for _, job := range []*sdk.Job[wordArgs]{wordcount, sorted} {
		here := wordArgs{Input: in, Output: filepath.Join(dir, job.Name(), "cluster")}
		got := minicluster.Run(t, c, job, here)
		local := wordArgs{Input: in, Output: filepath.Join(dir, job.Name(), "local")}
		// As many tasks at once as the cluster's executors have.
		want, err := sdk.Run(t.Context(), job, local, sdk.Options{Parallelism: 4})
		if err != nil {
			t.Fatal(err)
		}
		golden.SameOutput(t, here.Output, local.Output)
		if len(got.Job) != 32 || got.Elapsed <= 0 || got.ShuffleBytes <= 0 || !slices.Equal(got.Destinations, []string{here.Output}) {
			t.Errorf("%s: %+v, want an id, a time, shuffled bytes and its destination", job.Name(), got)
		}
		figures := func(r *sdk.Result) [5]int64 {
			return [5]int64{r.RowsIn, r.BytesIn, r.RowsOut, r.BytesOut, int64(r.Tasks)}
		}
		if figures(got) != figures(want) || got.Tasks < 8 {
			t.Errorf("%s: %+v, want the figures of local mode and 8 tasks or more: %+v", job.Name(), got, want)
		}
	}
}

// TestCollect holds that collected rows come to the test's own process, once.
func TestCollect(t *testing.T) {
	c := minicluster.New(t)
	in := filepath.Join(t.TempDir(), "in.txt")
	write(t, in, "b\na\nb\n")
	defer func() { took.rows, took.err = nil, nil }()
	job := minicluster.Submit(t, c, collector, wordArgs{Input: in})
	for range 2 {
		res, err := job.Wait()
		if err != nil {
			t.Fatal(err)
		}
		want := []sdk.KV[string, int64]{{Key: "a", Value: 1}, {Key: "b", Value: 2}}
		if !slices.Equal(took.rows, want) {
			t.Errorf("Collect got %v, want %v", took.rows, want)
		}
		if got, err := sdk.Returned[sdk.KV[string, int64]](res, "counts"); err != nil || !slices.Equal(got, want) {
			t.Errorf("Returned = %v, %v, want %v", got, err, want)
		}
		// Wait hands out nothing again.
		took.rows = []sdk.KV[string, int64]{{Key: "a", Value: 1}, {Key: "b", Value: 2}}
	}
	took.err = errors.New("not what was hoped for")
	for range 2 {
		if _, err := minicluster.Submit(t, c, collector, wordArgs{Input: in}).Wait(); err == nil || !strings.Contains(err.Error(), "not what was hoped for") {
			t.Errorf("Wait = %v, want the error of the function that took the rows", err)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 3, Slots: 1, SplitBytes: 1 << 10, PartitionBytes: 1 << 10})
	if got, want := c.Executors(), []string{"e1", "e2", "e3"}; !slices.Equal(got, want) {
		t.Errorf("Executors() = %q, want %q", got, want)
	}
	a := wordArgs{Input: "*.go", Output: filepath.Join(t.TempDir(), "out")}
	first := minicluster.Run(t, c, wordcount, a)
	if first.Tasks < 20 {
		t.Errorf("%d tasks of %d bytes, want many", first.Tasks, first.BytesIn)
	}
	if _, err := minicluster.Submit(t, c, wordcount, a).Wait(); err == nil || !strings.Contains(err.Error(), a.Output) {
		t.Errorf("Wait = %v, want an error that names the output which exists", err)
	}
	minicluster.Run(t, c, wordcount, a, sdk.Options{Overwrite: true, Codec: "zstd", Parallelism: 2, MemoryBytes: 64 << 20})
}

// TestErrors holds what a test is told that does something wrong.
func TestErrors(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 1})
	out := func() string { return filepath.Join(t.TempDir(), "out") }
	in := filepath.Join(t.TempDir(), "in.txt")
	write(t, in, "line\n\n")
	closure := sdk.Define("closure", func(p *sdk.Pipeline, a wordArgs) error { return nil })
	other := sdk.Define("wordcount", func(p *sdk.Pipeline, a wordArgs) error { return nil })
	for _, test := range []struct {
		name string
		test func(t testing.TB)
		want []string
	}{
		{"a job that panics", func(t testing.TB) { minicluster.Run(t, c, failing, wordArgs{Input: in, Output: out()}) },
			[]string{"job failing", "slice bounds out of range", "in.txt"}},
		{"a job that cannot be built", func(t testing.TB) { minicluster.Submit(t, c, failing, wordArgs{}) },
			[]string{"job failing", "no input was given"}},
		{"a job that Main does not know", func(t testing.TB) { minicluster.Run(t, c, closure, wordArgs{}) },
			[]string{"job closure", "TestMain", "minicluster.Main"}},
		{"another job of a known name", func(t testing.TB) { minicluster.Run(t, c, other, wordArgs{}) },
			[]string{"job wordcount", "TestMain", "minicluster.Main"}},
		{"memory for nobody knows how many", func(t testing.TB) {
			minicluster.Run(t, c, wordcount, wordArgs{Input: in, Output: out()}, sdk.Options{MemoryBytes: 1 << 20})
		}, []string{"MemoryBytes", "Parallelism"}},
		{"a codec that is none", func(t testing.TB) {
			minicluster.Run(t, c, wordcount, wordArgs{Input: in, Output: out()}, sdk.Options{Codec: "rar"})
		}, []string{"rar"}},
		{"no such input", func(t testing.TB) {
			minicluster.Run(t, c, wordcount, wordArgs{Input: in + ".nowhere", Output: out()})
		}, []string{"in.txt.nowhere"}},
		{"an executor that is none", func(t testing.TB) { minicluster.New(t).KillExecutor("e7") }, []string{`"e7"`, "e1, e2"}},
		{"a limit that is none", func(t testing.TB) { minicluster.New(t, minicluster.Options{Limit: 1}) }, []string{"mini-cluster", "Options.Limit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantOne(t, test.name, said(t, test.test), test.want...)
		})
	}
}

// TestPrinted holds that a test shows what its jobs print.
func TestPrinted(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 1})
	in := filepath.Join(t.TempDir(), "in.txt")
	write(t, in, "to be\nor not\n")
	var printed bytes.Buffer
	minicluster.Run(probe{t, t.Context(), &messages{}, &printed}, c, talker, wordArgs{Input: in, Output: filepath.Join(t.TempDir(), "out")})
	for _, want := range []string{"e1 stdout: out to be\ne1 stdout: out or not\n", "e1 stderr: err to beerr or not\n"} {
		if got := printed.String(); !strings.Contains(got, want) {
			t.Errorf("the test shows %q, want %q in it", got, want)
		}
	}
}

// TestUnfinished holds what is said of a job that does not end within the test.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	k := newGateKit(t)
	ctx, cancel := context.WithCancel(t.Context())
	job := minicluster.Submit(probe{t, ctx, &messages{}, t.Output()}, c, gated, k.gateArgs)
	job.AwaitTasks(plainFiles)
	cancel()
	want := "wait for job " + job.ID()
	if _, err := job.Wait(); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("tasks done: %d", plainFiles)) {
		t.Errorf("Wait = %v, want that %s was canceled with %d tasks done", err, want, plainFiles)
	}
}

// TestNothingStaysBesideTheOutput holds that the workers of a job leave nothing
// beside its destination.
func TestNothingStaysBesideTheOutput(t *testing.T) {
	t.Parallel()
	k := newGateKit(t)
	k.open(t)
	dir := t.TempDir()
	k.Output = filepath.Join(dir, "out")
	t.Run("cluster", func(t *testing.T) {
		c := minicluster.New(t, oneFileATask)
		for range 5 {
			minicluster.Run(t, c, gated, k.gateArgs, sdk.Options{Overwrite: true})
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v (%v) is in the directory of the output, want it alone", left, err)
	}
}

// TestNothingStays holds that a cluster leaves no goroutine and no process,
// whatever was done to it and whatever still ran.
func TestNothingStays(t *testing.T) {
	before := goleak.IgnoreCurrent()
	var ids []string
	t.Run("cluster", func(t *testing.T) {
		c := minicluster.New(t, oneFileATask)
		out := filepath.Join(t.TempDir(), "out")
		minicluster.Run(t, c, processes, wordArgs{Input: "*.go", Output: out})
		ids = sheaftest.Lines(t, out)
		if len(ids) == 0 || slices.Contains(ids, strconv.Itoa(os.Getpid())) {
			t.Errorf("processes %q ran the job, want others than %d", ids, os.Getpid())
		}
		k := newGateKit(t)
		minicluster.Submit(t, c, gated, k.gateArgs)
		k.awaitHeld(t, 2)
		c.KillExecutor("e1")
		c.RestartCoordinator()
		c.AddExecutor()
	})
	goleak.VerifyNone(t, before)
	for _, id := range ids {
		pid, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("worker %d: %v, want that it has ended", pid, err)
		}
	}
}

// TestMainForgotten starts this test binary without minicluster.Main: a worker
// of it would run all tests.
func TestMainForgotten(t *testing.T) {
	if os.Getenv(forgetVar) != "" {
		minicluster.New(t)
		return
	}
	t.Parallel()
	out, err := again(t, forgetVar+"=1")
	if err == nil || !strings.Contains(out, "let TestMain call minicluster.Main(m, jobs...)") {
		t.Errorf("New without Main: %v, %s; want advice", err, out)
	}
}

// TestModes starts this test binary as Sheaf's tools start programs.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, set, want string }{
		{"a worker of nobody", plan.ModeVariable + "=" + plan.ModeWorker, "only an executor starts a worker"},
		{"a program that shall print its plan", plan.ModeVariable + "=" + plan.ModePlan, "a test binary is a worker of a mini-cluster and nothing else"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := again(t, test.set)
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != 2 || !strings.Contains(out, test.want) {
				t.Errorf("%s: %v, %s; want exit code 2 and %q", test.set, err, out, test.want)
			}
		})
	}
}

// TestOddPath runs a job by a test binary whose path means something to a shell.
func TestOddPath(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), `it's a "$HOME" \`)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "a b")
	content, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(program, content, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestCollect$", "-test.timeout=1m")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("%s: %v\n%s", program, err, out)
	}
}

// again starts this test binary for the test that calls it.
func again(t *testing.T, variable string) (string, error) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.CommandContext(t.Context(), os.Args[0], fmt.Sprintf("-test.run=^%s$", name), "-test.timeout=1m")
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
