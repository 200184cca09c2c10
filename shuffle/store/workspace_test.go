package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// pair is an executor's store and that of one worker of job 1.
type pair struct {
	executor, worker *Store
	space            *Workspace
	end              func() // of the worker and its workspace
}

// newPair opens both. When the test is over it drops all jobs: nothing may be
// left in the books or on disk.
func newPair(t testing.TB, cfg Config) *pair {
	t.Helper()
	if cfg.Owner == "" {
		cfg.Owner = "executor-1"
	}
	if len(cfg.Dirs) == 0 {
		cfg.Dirs = []string{t.TempDir()}
	}
	executor := mustOpen(t, cfg)
	t.Cleanup(func() {
		for job := range byte(4) {
			if err := executor.DropJob(plan.JobID{job}); err != nil {
				t.Errorf("DropJob: %v", err)
			}
		}
	})
	p := &pair{executor: executor}
	p.startWorker(t)
	return p
}

func (p *pair) startWorker(t testing.TB) {
	t.Helper()
	space, err := p.executor.NewWorkspace(plan.JobID{1})
	if err != nil {
		t.Fatalf("NewWorkspace: %v", err)
	}
	worker, err := Open(Config{Dirs: space.Dirs(), Workspace: true, MemoryBytes: 1 << 20})
	if err != nil {
		t.Fatalf("Open(workspace): %v", err)
	}
	p.space, p.worker = space, worker
	p.end = sync.OnceFunc(func() {
		if err := errors.Join(worker.Close(), space.Remove()); err != nil {
			t.Errorf("end of the worker: %v", err)
		}
	})
	t.Cleanup(p.end)
}

func TestAdopt(t *testing.T) {
	for _, sizes := range [][]int{{}, {10}, {1000, 70_000}, {2 << 20, 5}} {
		p := newPair(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}})
		out := mustPublish(t, p.worker, outputID(1, 1), sizes...)
		unpublished, err := p.worker.Create(outputID(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unpublished.Write(make([]byte, 2<<20)); err != nil {
			t.Fatal(err)
		}
		if err := verify(p.executor, out, sizes...); fault.KindOf(err) != fault.Fetch {
			t.Errorf("before it was adopted: %v of kind %v, want fetch", err, fault.KindOf(err))
		}
		for range 2 { // a report may be repeated
			if err := p.space.Adopt(t.Context(), out); err != nil {
				t.Fatalf("Adopt(%v) = %v", out, err)
			}
		}
		p.worker.Forget(out.ID)
		if err := errors.Join(p.worker.Close(), p.space.Remove()); err != nil {
			t.Fatal(err)
		}
		if memory, disk := p.worker.Usage(); memory != 0 || disk != 0 {
			t.Errorf("Usage of the worker's store = %d, %d at its end, want 0, 0", memory, disk)
		}
		if err := verify(p.executor, out, sizes...); err != nil {
			t.Errorf("after the worker's end: %v", err)
		}
		if _, disk := p.executor.Usage(); disk != out.Bytes {
			t.Errorf("Usage = %d bytes on disk, want %d", disk, out.Bytes)
		}
		if left := files(t, p.executor); len(left) != 1 {
			t.Errorf("the executor's store has the files %v, want one", left)
		}
	}
}

// TestClosedWorkerKeepsWhatItPublished ends the worker before its last report
// has been looked at.
func TestClosedWorkerKeepsWhatItPublished(t *testing.T) {
	p := newPair(t, Config{})
	out := mustPublish(t, p.worker, outputID(1, 1), 10)
	if err := p.worker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.space.Adopt(t.Context(), out); err != nil {
		t.Errorf("Adopt = %v", err)
	}
}

func TestView(t *testing.T) {
	p := newPair(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}})
	out := mustPublish(t, p.worker, outputID(1, 1), 10, 100)
	v, err := OpenView(p.executor.Dirs())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(t.Context(), out); fault.KindOf(err) != fault.Fetch {
		t.Errorf("Open before it was adopted = %v, want kind fetch", err)
	}
	if err := p.space.Adopt(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	o, err := v.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if ix, err := ReadIndex(o, out.Digest); err != nil || len(ix.Segments) != 2 {
		t.Errorf("ReadIndex = %v, %v, want 2 segments", ix, err)
	}
	longer := out
	longer.Bytes++
	if _, err := v.Open(t.Context(), longer); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("Open of another length = %v, want kind corrupt", err)
	}
	if err := errors.Join(o.Close(), v.Close()); err != nil {
		t.Error(err)
	}
	if _, err := OpenView([]string{t.TempDir() + "/none"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("OpenView of nothing = %v, want kind invalid", err)
	}
}

// workerFile is where the worker has published an output.
func (p *pair) workerFile(id plan.OutputID) string {
	return filepath.Join(p.space.Dirs()[0], outputName(id))
}

func TestAdoptRefuses(t *testing.T) {
	replace := func(with func(path string) error) func(*pair, *plan.MapOutput) error {
		return func(p *pair, out *plan.MapOutput) error {
			path := p.workerFile(out.ID)
			return errors.Join(os.Remove(path), with(path))
		}
	}
	cases := []struct {
		name  string
		limit int64
		spoil func(*pair, *plan.MapOutput) error
		want  fault.Kind
	}{
		{"missing", 0, replace(func(string) error { return nil }), fault.Lost},
		{"another output", 0, func(_ *pair, out *plan.MapOutput) error { out.ID.Exchange++; return nil }, fault.Lost},
		{"another job", 0, func(_ *pair, out *plan.MapOutput) error { out.ID.Attempt.Job[0]++; return nil }, fault.Invalid},
		{"another digest", 0, func(_ *pair, out *plan.MapOutput) error { out.Digest = strings.Repeat("0", 32); return nil }, fault.Corrupt},
		{"no digest", 0, func(_ *pair, out *plan.MapOutput) error { out.Digest = ""; return nil }, fault.Corrupt},
		{"another length", 0, func(_ *pair, out *plan.MapOutput) error { out.Bytes++; return nil }, fault.Corrupt},
		{"negative length", 0, func(_ *pair, out *plan.MapOutput) error { out.Bytes = -1; return nil }, fault.Corrupt},
		{"cut off", 0, func(p *pair, out *plan.MapOutput) error {
			out.Bytes--
			return os.Truncate(p.workerFile(out.ID), out.Bytes)
		}, fault.Corrupt},
		{"empty", 0, replace(func(path string) error { return os.WriteFile(path, nil, 0o600) }), fault.Corrupt},
		{"directory", 0, replace(func(path string) error { return os.MkdirAll(path+"/below", 0o700) }), fault.Corrupt},
		{"pipe", 0, replace(func(path string) error { return syscall.Mkfifo(path, 0o600) }), fault.Corrupt},
		{"link", 0, func(p *pair, out *plan.MapOutput) error {
			path := p.workerFile(out.ID)
			return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path))
		}, fault.Corrupt},
		{"limit", 100, func(*pair, *plan.MapOutput) error { return nil }, fault.Disk},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, Config{DiskBytes: c.limit})
			out := mustPublish(t, p.worker, outputID(1, 1), 100)
			if err := c.spoil(p, &out); err != nil {
				t.Fatal(err)
			}
			err := p.space.Adopt(t.Context(), out)
			if fault.KindOf(err) != c.want || !strings.Contains(err.Error(), out.ID.String()) {
				t.Errorf("Adopt = %v of kind %v, want kind %v and the output's name", err, fault.KindOf(err), c.want)
			}
			p.nothingAdopted(t)
		})
	}
}

// nothingAdopted fails if the executor's store holds anything.
func (p *pair) nothingAdopted(t *testing.T) {
	t.Helper()
	if all := p.executor.Outputs(); len(all) != 0 || len(p.executor.attempts) != 0 {
		t.Errorf("the store has the outputs %v of %d attempts, want none", all, len(p.executor.attempts))
	}
	if _, disk := p.executor.Usage(); disk != 0 {
		t.Errorf("Usage = %d bytes on disk, want 0", disk)
	}
	for _, path := range files(t, p.executor) {
		if !strings.HasPrefix(filepath.Base(path), workspacePrefix) {
			t.Errorf("%s is left", path)
		}
	}
}

// TestAdoptFindsEveryDamage cuts a reported file at every length and flips
// every bit of its index and footer.
func TestAdoptFindsEveryDamage(t *testing.T) {
	p := newPair(t, Config{})
	out := mustPublish(t, p.worker, outputID(1, 1), 5, 7)
	path := p.workerFile(out.ID)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, at int, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.space.Adopt(t.Context(), out); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("%s %d: Adopt = %v of kind %v, want corrupt", what, at, err, fault.KindOf(err))
		}
	}
	for n := range whole {
		refuse("cut at", n, whole[:n])
	}
	for bit := 12 * 8; bit < 8*len(whole); bit++ {
		whole[bit/8] ^= 1 << (bit % 8)
		refuse("bit", bit, whole)
		whole[bit/8] ^= 1 << (bit % 8)
	}
	p.nothingAdopted(t)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.space.Adopt(t.Context(), out); err != nil {
		t.Errorf("Adopt of the whole file = %v", err)
	}
}

// TestAdoptEveryFileOperationFails lets each operation fail in turn: an output
// is adopted whole or not at all.
func TestAdoptEveryFileOperationFails(t *testing.T) {
	for n := int64(1); ; n++ {
		p := newPair(t, Config{})
		out := mustPublish(t, p.worker, outputID(1, 1), 100)
		tr := &trouble{failAt: n, err: errInjected}
		p.executor.dirs[0].files = faultyFolder{p.executor.dirs[0].files, tr}
		err := p.space.Adopt(t.Context(), out)
		happened := tr.happened()
		tr.failAt = 0
		switch {
		case !happened && err != nil:
			t.Fatalf("without trouble: %v", err)
		case !happened:
			if n <= 5 {
				t.Errorf("only %d operations were reached", n-1)
			}
			return
		case err == nil:
			if err := verify(p.executor, out, 100); err != nil {
				t.Errorf("operation %d: adopted, but: %v", n, err)
			}
		case !errors.Is(err, errInjected) || fault.KindOf(err) == fault.Unknown:
			t.Errorf("operation %d: %v of kind %v, want one that shows its cause", n, err, fault.KindOf(err))
		default:
			p.nothingAdopted(t)
		}
	}
}

func TestAdoptOfADroppedAttempt(t *testing.T) {
	p := newPair(t, Config{})
	out := mustPublish(t, p.worker, outputID(1, 1), 100)
	p.executor.dirs[0].files = hookFolder{p.executor.dirs[0].files, func() {
		if err := p.executor.DropAttempt(out.ID.Attempt); err != nil {
			t.Error(err)
		}
	}}
	if err := p.space.Adopt(t.Context(), out); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Adopt = %v, want kind canceled", err)
	}
	p.nothingAdopted(t)
}

// hookFolder calls a function before it describes a file.
type hookFolder struct {
	folder
	before func()
}

func (h hookFolder) Lstat(name string) (fs.FileInfo, error) {
	h.before()
	return h.folder.Lstat(name)
}

// TestAdoptTogether adopts many outputs at once, each reported twice.
func TestAdoptTogether(t *testing.T) {
	p := newPair(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}})
	var wg sync.WaitGroup
	for i := range 20 {
		out := mustPublish(t, p.worker, outputID(1, i), i*100)
		for range 2 {
			wg.Go(func() {
				if err := p.space.Adopt(t.Context(), out); err != nil {
					t.Errorf("Adopt = %v", err)
				}
				if err := verify(p.executor, out, i*100); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := len(p.executor.Outputs()); n != 20 {
		t.Errorf("%d outputs, want 20", n)
	}
}

func TestWorkspaceBesideAFailingDisk(t *testing.T) {
	p := newPair(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}})
	p.executor.dirs[0].files = faultyFolder{p.executor.dirs[0].files, &trouble{failAt: 1, onward: true, writes: true, err: syscall.ENOSPC}}
	p.startWorker(t)
	if dirs := p.space.Dirs(); len(dirs) != 1 {
		t.Fatalf("Dirs() = %v, want one", dirs)
	}
	out := mustPublish(t, p.worker, outputID(1, 1), 100)
	if err := p.space.Adopt(t.Context(), out); err != nil {
		t.Errorf("Adopt = %v", err)
	}
	p.executor.dirs[1].files = faultyFolder{p.executor.dirs[1].files, &trouble{failAt: 1, onward: true, writes: true, err: syscall.ENOSPC}}
	if _, err := p.executor.NewWorkspace(plan.JobID{1}); fault.KindOf(err) != fault.Disk {
		t.Errorf("NewWorkspace on full disks = %v, want kind disk", err)
	}
}

func TestWorkspaceOpensNothingElse(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(Config{Dirs: []string{dir}, Workspace: true}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Open = %v, want kind invalid", err)
	}
}

func TestDiskLimit(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir()}, DiskBytes: 1000})
	f, err := s.Spill(attempt(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 700)); err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(make([]byte, 301))
	if fault.KindOf(err) != fault.Disk {
		t.Errorf("Write above the limit = %v of kind %v, want disk", err, fault.KindOf(err))
	}
	for _, want := range []string{s.dirs[0].path, "301 bytes", "1000", "700", "300 bytes free"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %q", err, want)
		}
	}
	if _, err := publish(s, outputID(1, 2), 200, 200); fault.KindOf(err) != fault.Disk {
		t.Errorf("publish above the limit = %v, want kind disk", err)
	}
	if _, err := f.Write(make([]byte, 300)); err != nil || f.Offset() != 1000 {
		t.Errorf("Write up to the limit = %v, Offset = %d, want 1000", err, f.Offset())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := verify(s, mustPublish(t, s, outputID(1, 3), 800), 800); err != nil {
		t.Errorf("after the spill file is gone: %v", err)
	}
}
