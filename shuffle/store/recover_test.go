package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// executorMain is an executor that adopts an output of its worker, until it is
// killed.
func executorMain(dir string) {
	untilKilled(func() error {
		s, err := Open(Config{Dirs: []string{dir}, Owner: "executor-1"})
		if err != nil {
			return err
		}
		space, err := s.NewWorkspace(plan.JobID{1})
		if err != nil {
			return err
		}
		worker, err := Open(Config{Dirs: space.Dirs(), Workspace: true})
		if err != nil {
			return err
		}
		for i := range 2 {
			out, err := publish(worker, outputID(1, i), 1000)
			if err != nil {
				return err
			}
			if i == 0 {
				err = space.Adopt(context.Background(), out)
			}
			if err != nil {
				return err
			}
		}
		_, err = worker.Spill(attempt(1, 2))
		return err
	}())
}

// workerMain is a worker in a workspace that publishes one output, writes
// another, and is killed.
func workerMain(dir string) {
	s, err := Open(Config{Dirs: []string{dir}, Workspace: true})
	if err == nil {
		_, err = publish(s, outputID(1, 1), 1000)
	}
	var w *Writer
	if err == nil {
		w, err = s.Create(outputID(1, 2))
	}
	if err == nil {
		_, err = w.Write(make([]byte, 2<<20))
	}
	untilKilled(err)
}

// reported is what the worker of a test has reported of outputID(1, i).
func reported(t *testing.T, i int) plan.MapOutput {
	t.Helper()
	return mustPublish(t, mustOpen(t, Config{Dirs: []string{t.TempDir()}}), outputID(1, i), 1000)
}

func TestKilledWorkerLosesNothingAdopted(t *testing.T) {
	p := newPair(t, Config{})
	space, err := p.executor.NewWorkspace(plan.JobID{1})
	if err != nil {
		t.Fatal(err)
	}
	kill := startRole(t, "worker", space.Dirs()[0])
	out := reported(t, 1)
	if err := space.Adopt(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if err := space.Adopt(t.Context(), reported(t, 2)); fault.KindOf(err) != fault.Lost {
		t.Errorf("Adopt of what is not published = %v, want kind lost", err)
	}
	kill()
	if err := space.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := verify(p.executor, out, 1000); err != nil {
		t.Error(err)
	}
}

func TestKilledExecutorIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	kill := startRole(t, "executor", dir)
	if _, err := Open(Config{Dirs: []string{dir}, Owner: "executor-1"}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "executor-1") {
		t.Errorf("Open of a second store of the owner = %v, want kind invalid and its name", err)
	}
	kill()
	mustOpen(t, Config{Dirs: []string{dir}})                 // sweeps
	mustOpen(t, Config{Dirs: []string{dir}, Owner: "other"}) // sweeps
	p := newPair(t, Config{Dirs: []string{dir}})
	want := reported(t, 0)
	got := p.executor.Outputs()
	if len(got) != 1 || got[0].ID != want.ID || got[0].Digest != want.Digest || got[0].Bytes != want.Bytes {
		t.Errorf("Outputs() = %+v, want %+v", got, want)
	}
	if err := verify(p.executor, want, 1000); err != nil {
		t.Error(err)
	}
	if _, disk := p.executor.Usage(); disk != want.Bytes {
		t.Errorf("Usage = %d, want %d", disk, want.Bytes)
	}
	if n := len(files(t, p.executor)); n != 2 {
		t.Errorf("%v, want the output and a new workspace", files(t, p.executor))
	}
	if got := p.executor.Damaged(); len(got) != 0 {
		t.Errorf("Damaged() = %v, want nothing: an old workspace is what a kill leaves", got)
	}
}

// restart closes the executor's store of a pair and opens the next.
func (p *pair) restart(t *testing.T, cfg Config) *Store {
	t.Helper()
	p.end()
	if err := p.executor.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Owner = "executor-1"
	next, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(next.DropJob(plan.JobID{1}), next.Close()); err != nil {
			t.Error(err)
		}
	})
	return next
}

// mustAdopt publishes and adopts an output.
func (p *pair) mustAdopt(t testing.TB, id plan.OutputID, sizes ...int) plan.MapOutput {
	t.Helper()
	out := mustPublish(t, p.worker, id, sizes...)
	if err := p.space.Adopt(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecover(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	p := newPair(t, Config{Dirs: dirs})
	var outs []plan.MapOutput
	for i := range 6 {
		outs = append(outs, p.mustAdopt(t, outputID(1, i), 100, i*1000))
	}
	// The executor's own outputs are kept as well, however small.
	own := mustPublish(t, p.executor, outputID(1, 6), 100, 6000)
	outs = append(outs, own)
	home := p.executor.dirs[0].path
	for _, name := range []string{"left", "." + outputName(outputID(1, 1)), "x.output", outputName(outputID(1, 1)) + "2"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := p.restart(t, Config{Dirs: dirs})
	if n := len(next.Damaged()); n != 4 {
		t.Errorf("Damaged() = %v, want 4 errors", next.Damaged())
	}
	if got := next.Outputs(); len(got) != len(outs) {
		t.Errorf("Outputs() = %v, want %d", got, len(outs))
	}
	var sum int64
	for i, out := range outs {
		if err := verify(next, out, 100, i*1000); err != nil {
			t.Error(err)
		}
		sum += out.Bytes
	}
	if _, disk := next.Usage(); disk != sum {
		t.Errorf("Usage = %d, want %d", disk, sum)
	}
	if err := next.DropAttempt(outs[0].ID.Attempt); err != nil {
		t.Error(err)
	}
	if n := len(files(t, next)); n != len(outs)-1 {
		t.Errorf("%d files after one attempt was dropped, want %d", n, len(outs)-1)
	}
}

func TestRecoverDeletesTheDamaged(t *testing.T) {
	cases := []struct {
		name   string
		damage func(path string) error
	}{
		{"cut off", func(path string) error { return os.Truncate(path, 20) }},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }},
		{"longer", func(path string) error { return os.Truncate(path, 2000) }},
		{"directory", func(path string) error { return errors.Join(os.Remove(path), os.MkdirAll(path+"/b", 0o700)) }},
		{"pipe", func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) }},
		{"link", func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) }},
		{"index", func(path string) error {
			b, err := os.ReadFile(path)
			if err == nil {
				b[len(b)-footerBytes-1] ^= 1
				err = os.WriteFile(path, b, 0o600)
			}
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := newPair(t, Config{Dirs: []string{dir}})
			bad, good := p.mustAdopt(t, outputID(1, 1), 100), p.mustAdopt(t, outputID(1, 2), 100)
			path := p.executor.dirs[0].join(outputName(bad.ID))
			if err := c.damage(path); err != nil {
				t.Fatal(err)
			}
			next := p.restart(t, Config{Dirs: []string{dir}})
			if got := next.Outputs(); len(got) != 1 || got[0].ID != good.ID {
				t.Errorf("Outputs() = %v, want %v alone", got, good.ID)
			}
			if all := next.Damaged(); len(all) != 1 || fault.KindOf(all[0]) != fault.Corrupt || !strings.Contains(all[0].Error(), path) {
				t.Errorf("Damaged() = %v, want one error that names %s", all, path)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", path, err)
			}
		})
	}
}

// TestRecoverEveryFileOperationFails lets each operation fail in turn: an
// output is either recovered whole or not offered.
func TestRecoverEveryFileOperationFails(t *testing.T) {
	for _, cause := range []error{errInjected, syscall.EMFILE} {
		for n := int64(1); ; n++ {
			p := newPair(t, Config{})
			out := p.mustAdopt(t, outputID(1, 1), 100)
			if err := p.space.Remove(); err != nil {
				t.Fatal(err)
			}
			d := p.executor.dirs[0]
			tr := &trouble{failAt: n, err: cause}
			again := &Store{dirs: []*dir{{path: d.path, files: faultyFolder{d.files, tr}}}, now: time.Now, attempts: make(map[plan.AttemptID]*holdings)}
			err := again.recover(again.dirs[0])
			happened := tr.happened()
			tr.failAt = 0
			found := again.Outputs()
			if !happened {
				if err != nil || len(found) != 1 || n <= 4 {
					t.Errorf("without trouble after %d operations: %v, %v", n-1, found, err)
				}
				break
			}
			if len(found) == 1 {
				if err := verify(again, out, 100); err != nil {
					t.Errorf("%v at operation %d: recovered, but: %v", cause, n, err)
				}
			} else if err == nil && len(again.Damaged()) == 0 {
				t.Errorf("%v at operation %d: the output is lost without an error", cause, n)
			}
			const opened = 3 // after List and Lstat
			if _, statErr := os.Stat(d.join(outputName(out.ID))); n == opened && cause == syscall.EMFILE && (err == nil || statErr != nil) {
				t.Errorf("without descriptors: recover = %v, and the file: %v", err, statErr)
			}
		}
	}
}

func TestOwnersDirectories(t *testing.T) {
	dir := t.TempDir()
	for _, owner := range []plan.ExecutorID{"../../evil", "a/b", "executor \x00", "executor-2"} {
		s, err := Open(Config{Dirs: []string{dir}, Owner: owner})
		if err != nil {
			t.Fatalf("Open(%q): %v", owner, err)
		}
		mustPublish(t, s, outputID(1, 1), 10)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left := entries(t, dir); len(left) != 4 {
		t.Fatalf("left %v, want four directories", left)
	}
	old := filepath.Join(dir, ownedName("executor-2"))
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-remembered-time.Minute)); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Config{Dirs: []string{dir}})
	left := entries(t, dir)
	if left[filepath.Base(old)] || len(left) != 4 { // three and the new store's
		t.Errorf("the sweep left %v, want all but %s", left, old)
	}
	// An owner that comes back late still finds its own.
	mine := filepath.Join(dir, ownedName("a/b"))
	if err := os.Chtimes(mine, time.Now(), time.Now().Add(-remembered-time.Minute)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Dirs: []string{dir}, Owner: "a/b"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Outputs()) != 1 {
		t.Errorf("Outputs() = %v, want one", s.Outputs())
	}
	if err := errors.Join(s.DropJob(plan.JobID{1}), s.Close()); err != nil {
		t.Error(err)
	}
	if entries(t, dir)[filepath.Base(mine)] {
		t.Errorf("a store without outputs left its directory")
	}
}

func TestOutputNames(t *testing.T) {
	ids := []plan.OutputID{{}, outputID(255, 1<<40), {Attempt: plan.AttemptID{Task: plan.TaskID{Stage: -2, Index: -1}, Epoch: 1<<32 - 1, Number: -9}, Exchange: 3}}
	for _, id := range ids {
		if got, ok := parseOutputName(outputName(id)); !ok || got != id {
			t.Errorf("parseOutputName(%q) = %v, %v, want %v", outputName(id), got, ok, id)
		}
	}
	name := outputName(outputID(1, 1))
	for i := range name {
		if id, ok := parseOutputName(name[:i]); ok {
			t.Errorf("parseOutputName(%q) = %v, want nothing", name[:i], id)
		}
	}
}

func FuzzOutputName(f *testing.F) {
	f.Add(outputName(outputID(1, 1)))
	f.Add("../" + outputName(outputID(1, 1)))
	f.Add(strings.Repeat("0", 32) + "-s01-t1-e1-a1-x1.output")
	f.Add(strings.Repeat("A", 32) + "-s1-t+1-e1-a1-x1.output")
	f.Add(strings.Repeat("0", 32) + "-s1-t1-e4294967296-a1-x1.output")
	f.Fuzz(func(t *testing.T, name string) {
		if id, ok := parseOutputName(name); ok && outputName(id) != name {
			t.Errorf("parseOutputName(%q) = %v, which is called %q", name, id, outputName(id))
		}
	})
}
