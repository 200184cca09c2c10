package executor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

const gib = 1 << 30

// disks are file systems of a test, by directory.
type disks map[string]struct{ free, total int64 }

func (d disks) space(dir string) (freeBytes, totalBytes int64, ok bool) {
	s, ok := d[dir]
	return s.free, s.total, ok
}

func TestRoom(t *testing.T) {
	for _, tc := range []struct {
		name    string
		reserve int64
		low     bool // before
		disks   disks
		free    int64
		below   bool
	}{
		{"much", 0, false, disks{"a": {50 * gib, 100 * gib}}, 50 * gib, false},
		{"a small disk, above a twentieth", 0, false, disks{"a": {gib, 20 * gib}}, gib, false},
		{"a small disk, below a twentieth", 0, false, disks{"a": {gib - 1, 20 * gib}}, gib - 1, true},
		{"a large disk, above 2 GiB", 0, false, disks{"a": {2 * gib, 1000 * gib}}, 2 * gib, false},
		{"a large disk, below 2 GiB", 0, false, disks{"a": {2*gib - 1, 1000 * gib}}, 2*gib - 1, true},
		{"one of two is below", 0, false, disks{"a": {0, 20 * gib}, "b": {gib, 20 * gib}}, gib, false},
		{"two of two are below", 0, false, disks{"a": {0, 20 * gib}, "b": {5, 20 * gib}}, 5, true},
		{"a mark", 10 * gib, false, disks{"a": {10*gib - 1, 20 * gib}}, 10*gib - 1, true},
		{"above a mark", 10 * gib, false, disks{"a": {10 * gib, 20 * gib}}, 10 * gib, false},
		{"no mark", -1, false, disks{"a": {0, 20 * gib}}, 0, false},
		{"hardly above when it was low", 8 * gib, true, disks{"a": {10*gib - 1, 20 * gib}}, 10*gib - 1, true},
		{"above when it was low", 8 * gib, true, disks{"a": {10 * gib, 20 * gib}}, 10 * gib, false},
		{"a disk that does not say", 0, false, disks{"a": {0, 20 * gib}, "b": {}}, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &room{reserve: tc.reserve, space: tc.disks.space, low: tc.low}
			for dir, s := range tc.disks {
				r.dirs = append(r.dirs, dir)
				if s.total == 0 {
					delete(tc.disks, dir)
				}
			}
			want := tc.below && len(tc.disks) == len(r.dirs)
			if free, below := r.measure(); free != tc.free || below != want {
				t.Errorf("measure() = %d, %t, want %d, %t", free, below, tc.free, want)
			}
		})
	}
}

// TestLowOnDisk: an executor whose disk is nearly full first deletes what is of
// jobs that have ended, and then says that it is low until there is room.
func TestLowOnDisk(t *testing.T) {
	dir := t.TempDir()
	e := &Executor{log: slog.New(slog.DiscardHandler), name: "e", dir: dir, cfg: Config{Limits: Limits{LogJobs: 100}}}
	var err error
	if e.programs, err = artifact.Open(filepath.Join(dir, programsDir), artifact.Limits{ProgramBytes: gib, TotalBytes: gib}); err != nil {
		t.Fatal(err)
	}
	defer e.programs.Close()
	if e.store, err = store.Open(store.Config{Dirs: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	defer e.store.Close()
	disk := disks{"disk": {9 * gib, 20 * gib}}
	e.room = &room{dirs: []string{"disk"}, reserve: 10 * gib, space: disk.space}
	s := newSession(e)
	lives, ended := plan.JobID{1}, plan.JobID{2}
	spec := plan.JobSpec{Job: lives, ArtifactSHA256: keepProgram(t, e, "lives")}
	other := keepProgram(t, e, "ended")
	s.jobs[lives] = newJob(s, spec)
	for _, job := range []plan.JobID{lives, ended} {
		keepOutput(t, e, job)
	}
	for i := range fewLogs + 2 {
		if err := os.MkdirAll(filepath.Join(dir, jobsDir, plan.JobID{9, byte(i)}.String()), 0o700); err != nil {
			t.Fatal(err)
		}
	}

	if s.watched(); e.room.low {
		t.Error("low before anything was deleted")
	}
	if _, here, _ := e.programs.Stat(spec.ArtifactSHA256); !here {
		t.Error("the program of a job that lives was deleted")
	}
	if _, here, _ := e.programs.Stat(other); here {
		t.Error("the program of a job that has ended is there")
	}
	if left := e.store.Outputs(); len(left) != 1 || left[0].ID.Attempt.Job != lives {
		t.Errorf("map outputs %v are left, want that of the job that lives", left)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, jobsDir)); len(left) != fewLogs {
		t.Errorf("the logs of %d jobs are left, want %d", len(left), fewLogs)
	}

	for _, step := range []struct {
		free int64
		low  bool
	}{{9 * gib, true}, {12 * gib, true}, {13 * gib, false}, {11 * gib, false}, {9 * gib, false}, {9 * gib, true}} {
		disk["disk"] = struct{ free, total int64 }{step.free, 20 * gib}
		if s.watched(); e.room.low != step.low {
			t.Errorf("with %d GiB free: low is %t, want %t", step.free/gib, e.room.low, step.low)
		}
	}
	s.tasks.Wait()
}

// watched watches the room once, and what follows from it.
func (s *session) watched() {
	s.watchRoom()
	s.tasks.Wait()
	for len(s.inbox) > 0 {
		(<-s.inbox)()
	}
}

// keepProgram keeps a program of an executor and returns its name.
func keepProgram(t *testing.T, e *Executor, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	name := hex.EncodeToString(sum[:])
	if _, complete, err := e.programs.Write(artifact.Chunk{Name: name, Total: int64(len(text)), Data: []byte(text)}, nil); !complete || err != nil {
		t.Fatalf("write a program: %t, %v", complete, err)
	}
	return name
}

// keepOutput keeps a map output of a job.
func keepOutput(t *testing.T, e *Executor, job plan.JobID) {
	t.Helper()
	w, err := e.store.Create(plan.OutputID{Attempt: plan.AttemptID{Job: job, Number: 1}})
	if err == nil {
		_, _, err = w.Publish(store.Index{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRegistrationSaysLow: a session that begins on full disks gets no attempts
// until a heartbeat says otherwise.
func TestRegistrationSaysLow(t *testing.T) {
	st, err := store.Open(store.Config{Dirs: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	e := &Executor{log: slog.New(slog.DiscardHandler), name: "e", store: st, port: &port{}, room: &room{low: true}}
	if !newSession(e).registration("c").GetRegister().GetDiskLow() {
		t.Error("the registration does not say that the executor is low on disk space")
	}
}

// TestWorkerWithoutRoom: that there is no room for a job's worker is no fault of the
// job, whatever said so.
func TestWorkerWithoutRoom(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want fault.Kind
	}{
		{fault.Wrap(fault.Resource, &fs.PathError{Op: "mkdir", Path: "jobs", Err: syscall.ENOSPC}), fault.Disk},
		{fmt.Errorf("program: %w", syscall.EDQUOT), fault.Disk},
		{fault.Wrap(fault.Resource, syscall.EMFILE), fault.Resource},
		{fault.New(fault.Lost, "changed"), fault.Lost},
		{nil, fault.Unknown},
	} {
		if got := ofDisk(tc.err); fault.KindOf(got) != tc.want || (got == nil) != (tc.err == nil) {
			t.Errorf("ofDisk(%v) = %v of kind %v, want %v", tc.err, got, fault.KindOf(got), tc.want)
		}
	}
}
