package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle/store"
	"github.com/sheafdata/sheaf/shuffle/transfer"
)

// programVar makes the test binary one of programs.
const programVar = "SHEAF_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(programVar); name != "" {
		programs[name]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if left := groups(); len(left) > 0 {
			fmt.Fprintln(os.Stderr, "control groups are left:", left)
			code = 1
		}
		os.Exit(code)
	}))
}

// groups returns the control groups that this process has made and not removed.
func groups() (left []string) {
	prefix := fmt.Sprintf("sheaf-%d-", os.Getpid())
	filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), prefix) {
			left = append(left, path)
		}
		return nil
	})
	return left
}

// patience ends a test that hangs, long after any that works has ended.
const patience = 90 * time.Second

// event is a call of Events.
type event struct {
	asked      wire.RunJob
	what       string // "ready", "finished", "failed", "exited"
	attempt    plan.AttemptID
	result     plan.Result
	failure    fault.Report
	unreadable []plan.OutputID
	working    *plan.RowRange
	err        error
}

// home is an executor of a test: its store, the port that serves it, and at most
// one worker.
type home struct {
	t         testing.TB
	name      plan.ExecutorID
	dir       string
	store     *store.Store
	space     *store.Workspace
	server    *httptest.Server
	isolation worker.Isolation
	worker    *worker.Worker
	events    chan event
	refused   []func() // of attempts that the worker did not take, as it was ending

	mu       sync.Mutex // guards what follows
	progress map[plan.AttemptID]int64
}

func newHome(t testing.TB, name string) *home {
	t.Helper()
	h := &home{t: t, name: plan.ExecutorID(name), dir: t.TempDir(), events: make(chan event, 1000), progress: map[plan.AttemptID]int64{}}
	h.isolation = worker.Probe()
	st, err := store.Open(store.Config{Dirs: []string{filepath.Join(h.dir, "store")}, Owner: h.name})
	if err != nil {
		t.Fatal(err)
	}
	h.store = st
	allow := func(*http.Request, plan.JobID) error { return nil }
	h.server = httptest.NewServer(transfer.NewHandler(st, allow, transfer.HandlerOptions{}))
	t.Cleanup(func() {
		h.stop()
		h.server.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// address is the data port.
func (h *home) address() string { return strings.TrimPrefix(h.server.URL, "http://") }

// config is what a worker for a job gets.
func (h *home) config(program string, spec plan.JobSpec) worker.Config {
	h.t.Helper()
	space, err := h.store.NewWorkspace(spec.Job)
	if err != nil {
		h.t.Fatal(err)
	}
	h.space = space
	return worker.Config{
		Program: os.Args[0], Job: spec, Executor: h.name, Dir: filepath.Join(h.dir, "worker"),
		Directories: space.Dirs(), MemoryBytes: 128 << 20, Slots: 2, DataAddress: h.address(),
		Log: slog.New(slog.NewTextHandler(h.t.Output(), nil)), Events: h, Isolation: h.isolation,
		// A program under the race detector sleeps for a second at its end unless told not to.
		Environment: []string{programVar + "=" + program, "GORACE=atexit_sleep_ms=0"},
		Limits:      worker.Limits{Progress: 20 * time.Millisecond},
	}
}

// start starts a worker, to which tests may change the configuration.
func (h *home) start(program string, spec plan.JobSpec, change ...func(*worker.Config)) {
	h.t.Helper()
	c := h.config(program, spec)
	for _, f := range change {
		f(&c)
	}
	w, err := worker.Start(context.Background(), c)
	if err != nil {
		h.t.Fatalf("Start: %v", err)
	}
	h.worker = w
}

func (h *home) stop() {
	if h.worker == nil {
		return
	}
	h.worker.Close()
	if err := h.space.Remove(); err != nil {
		h.t.Error(err)
	}
	h.worker = nil
}

func (h *home) Ready() { h.events <- event{what: "ready"} }

func (h *home) Progress(attempts []wire.AttemptProgress, _ int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range attempts {
		h.progress[a.Attempt] = a.Rows
	}
}

func (h *home) Finished(id plan.AttemptID, r plan.Result) {
	for _, out := range r.Outputs {
		if err := h.space.Adopt(context.Background(), out); err != nil {
			h.events <- event{what: "failed", attempt: id, failure: fault.ReportOf(err)}
			return
		}
	}
	h.events <- event{what: "finished", attempt: id, result: r}
}

func (h *home) Failed(id plan.AttemptID, f fault.Report, unreadable []plan.OutputID, working *plan.RowRange) {
	h.events <- event{what: "failed", attempt: id, failure: f, unreadable: unreadable, working: working}
}

func (h *home) Exited(err error) { h.events <- event{what: "exited", err: err} }

// DiskWanted implements worker.Events.
func (h *home) DiskWanted(m wire.DiskWanted) wire.DiskLent {
	lent, err := h.space.Lend(m.NeedBytes, m.WantBytes)
	if err != nil {
		failure := fault.ReportOf(err)
		return wire.DiskLent{Failure: &failure}
	}
	return wire.DiskLent{Bytes: lent}
}

// DiskReturned implements worker.Events.
func (h *home) DiskReturned(bytes int64) { h.space.TakeBack(bytes) }

// RunJob implements worker.Events.
func (h *home) RunJob(m wire.RunJob) { h.events <- event{what: "asked", asked: m} }

// next returns the next event, which must be of a kind.
func (h *home) next(what string) event {
	h.t.Helper()
	select {
	case e := <-h.events:
		if e.what != what {
			h.t.Fatalf("event %+v, want %s", e, what)
		}
		return e
	case <-time.After(patience):
		h.t.Fatalf("no event, want %s", what)
	}
	panic("unreachable")
}

// exited returns what Exited says, and waits for the worker.
func (h *home) exited() error {
	h.t.Helper()
	e := h.next("exited")
	h.worker.Wait()
	return e.err
}

// propose asks a program of this test for its plan.
func propose(t testing.TB, program, dir string, args ...string) plan.Proposal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), programVar+"="+program, plan.ModeVariable+"="+plan.ModePlan, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("ask for the plan: %v\n%s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatalf("ask for the plan: %v", err)
	}
	var p plan.Proposal
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("the plan is no JSON: %v\n%s", err, out)
	}
	return p
}

// specOf makes a job's specification of what its program proposes.
func specOf(p plan.Proposal) plan.JobSpec {
	return plan.JobSpec{
		Job: plan.NewJobID(), Name: p.Plan.Name, ArtifactSHA256: strings.Repeat("0", 64),
		Args: p.Plan.Args, Fingerprint: p.Plan.Fingerprint, Overwrite: p.Overwrite, Options: p.Options,
		WorkingDirectory: p.Directory, Graph: p.Graph,
	}
}

// job returns the specification of a program's job with these arguments.
func job(t testing.TB, program string, args ...string) plan.JobSpec {
	t.Helper()
	return specOf(propose(t, program, t.TempDir(), args...))
}

// enumerate is the attempt that lists the first source.
func enumerate(spec plan.JobSpec, number int) plan.Assignment {
	return plan.Assignment{Work: plan.Enumerate, Attempt: plan.AttemptID{Job: spec.Job, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: number}}
}

// runOf is an attempt of the first stage over splits.
func runOf(spec plan.JobSpec, index int, splits []plan.Split) plan.Assignment {
	return plan.Assignment{Work: plan.Run, Splits: splits, Attempt: plan.AttemptID{Job: spec.Job, Task: plan.TaskID{Index: index}, Number: 1}}
}

// splits starts a worker's job and returns what its source lists.
func (h *home) splits(spec plan.JobSpec) []plan.Split {
	h.t.Helper()
	h.next("ready")
	if err := h.worker.Launch(enumerate(spec, 1)); err != nil {
		h.t.Fatal(err)
	}
	return h.next("finished").result.Splits
}
