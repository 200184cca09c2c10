package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

var errInjected = errors.New("injected failure")

// trouble makes operations on files fail.
type trouble struct {
	ops    atomic.Int64
	failAt int64 // the operation that fails, from 1; 0 is none
	onward bool  // all later ones of the same sort fail as well
	writes bool  // only Create and WriteAt count: a disk that is full
	err    error
}

func (tr *trouble) next(writes bool) error {
	if tr.writes && !writes {
		return nil
	}
	n := tr.ops.Add(1)
	if tr.failAt > 0 && (n == tr.failAt || tr.onward && n > tr.failAt) {
		return tr.err
	}
	return nil
}

func (tr *trouble) happened() bool { return tr.ops.Load() >= tr.failAt }

// faultyFolder is a folder with trouble before every operation.
type faultyFolder struct {
	folder
	*trouble
}

func (f faultyFolder) Create(name string) (handle, error) {
	if err := f.next(true); err != nil {
		return nil, err
	}
	h, err := f.folder.Create(name)
	if err != nil {
		return nil, err
	}
	return faultyHandle{h, f.trouble}, nil
}

func (f faultyFolder) Open(name string) (handle, error) {
	if err := f.next(false); err != nil {
		return nil, err
	}
	h, err := f.folder.Open(name)
	if err != nil {
		return nil, err
	}
	return faultyHandle{h, f.trouble}, nil
}

func (f faultyFolder) Rename(from, to string) error {
	if err := f.next(false); err != nil {
		return err
	}
	return f.folder.Rename(from, to)
}

func (f faultyFolder) Remove(name string) error {
	if err := f.next(false); err != nil {
		return err
	}
	return f.folder.Remove(name)
}

func (f faultyFolder) Lstat(name string) (fs.FileInfo, error) {
	if err := f.next(false); err != nil {
		return nil, err
	}
	return f.folder.Lstat(name)
}

func (f faultyFolder) List() ([]string, error) {
	if err := f.next(false); err != nil {
		return nil, err
	}
	return f.folder.List()
}

func (f faultyFolder) Mkdir(name string) error {
	if err := f.next(true); err != nil {
		return err
	}
	return f.folder.Mkdir(name)
}

func (f faultyFolder) RemoveAll(name string) error {
	if err := f.next(false); err != nil {
		return err
	}
	return f.folder.RemoveAll(name)
}

type faultyHandle struct {
	handle
	*trouble
}

func (h faultyHandle) ReadAt(p []byte, at int64) (int, error) {
	if err := h.next(false); err != nil {
		return 0, err
	}
	return h.handle.ReadAt(p, at)
}

// WriteAt writes half before it fails, as a full disk does.
func (h faultyHandle) WriteAt(p []byte, at int64) (int, error) {
	if err := h.next(true); err != nil {
		n, _ := h.handle.WriteAt(p[:len(p)/2], at)
		return n, err
	}
	return h.handle.WriteAt(p, at)
}

func (h faultyHandle) Truncate(size int64) error {
	if err := h.next(false); err != nil {
		return err
	}
	return h.handle.Truncate(size)
}

func (h faultyHandle) Stat() (fs.FileInfo, error) {
	if err := h.next(false); err != nil {
		return nil, err
	}
	return h.handle.Stat()
}

func (h faultyHandle) Close() error {
	return errors.Join(h.next(false), h.handle.Close())
}

// scenario does everything that touches files once, and stops at the first error.
func scenario(s *Store) error {
	f, err := s.Spill(attempt(1, 1))
	if err != nil {
		return err
	}
	pieces := [][]byte{bytes.Repeat([]byte("a"), 1000), bytes.Repeat([]byte("b"), 2000), bytes.Repeat([]byte("c"), 500)}
	if err := spillAndRead(f, pieces); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	out, err := publish(s, outputID(1, 1), 1000, 2000)
	if err != nil {
		return err
	}
	if err := verify(s, out, 1000, 2000); err != nil {
		return err
	}
	return s.DropAttempt(attempt(1, 1))
}

func spillAndRead(f *SpillFile, pieces [][]byte) error {
	for _, p := range pieces {
		if _, err := f.Write(p); err != nil {
			return err
		}
	}
	want := bytes.Join(pieces, nil)
	got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Offset()))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("spill file holds %d other bytes, want %d", len(got), len(want))
	}
	return err
}

// faulty opens a store whose first directory is in trouble.
func faulty(t *testing.T, dirs int, tr *trouble) *Store {
	t.Helper()
	var names []string
	for range dirs {
		names = append(names, t.TempDir())
	}
	s := mustOpen(t, Config{Dirs: names})
	s.dirs[0].files = faultyFolder{s.dirs[0].files, tr}
	return s
}

// TestEveryFileOperationFails lets each operation fail in turn: the error
// shows its cause and has a kind, and nothing is lost that was promised.
func TestEveryFileOperationFails(t *testing.T) {
	cases := []struct {
		name    string
		dirs    int
		turn    uint64 // of the store before the spill file
		reached int    // operations at least
	}{
		{"one directory", 1, 0, 25},
		{"spill file beside another directory", 2, 1, 10},
		{"output beside another directory", 2, 0, 10},
	}
	for _, c := range cases {
		for _, cause := range []error{errInjected, syscall.EIO} {
			t.Run(fmt.Sprintf("%s/%v", c.name, cause), func(t *testing.T) {
				failed, survived := failEach(t, c.dirs, c.turn, cause)
				t.Logf("%d operations failed in turn: %d errors, %d survived", failed+survived, failed, survived)
				if failed+survived < c.reached {
					t.Errorf("only %d operations were reached, want %d", failed+survived, c.reached)
				}
			})
		}
	}
}

func failEach(t *testing.T, dirs int, turn uint64, cause error) (failed, survived int) {
	for n := int64(1); ; n++ {
		tr := &trouble{failAt: n, err: cause}
		s := faulty(t, dirs, tr)
		s.next.Store(turn)
		err := scenario(s)
		switch {
		case !tr.happened():
			if err != nil {
				t.Errorf("without trouble: %v", err)
			}
			return failed, survived
		case err == nil:
			survived++
			continue
		case !errors.Is(err, cause) || fault.KindOf(err) == fault.Unknown:
			t.Errorf("operation %d: error %v of kind %v, want one with a kind that shows %v", n, err, fault.KindOf(err), cause)
		}
		failed++
		if err := verify(s, plan.MapOutput{ID: outputID(1, 1)}, 1000, 2000); err == nil {
			t.Errorf("operation %d: an output is there without a digest", n)
		}
	}
}

// TestFullDiskIsLeft fills the first directory from each write on: everything
// must end in the second.
func TestFullDiskIsLeft(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO} {
		for n := int64(1); ; n++ {
			tr := &trouble{failAt: n, onward: true, writes: true, err: cause}
			s := faulty(t, 2, tr)
			s.next.Store(1)
			if err := scenario(s); err != nil {
				t.Errorf("%v from write %d on: %v", cause, n, err)
			}
			if !tr.happened() {
				break
			}
		}
	}
}

func TestFullDisksAreNamed(t *testing.T) {
	s := faulty(t, 2, &trouble{failAt: 2, onward: true, writes: true, err: syscall.ENOSPC})
	s.dirs[1].files = faultyFolder{s.dirs[1].files, &trouble{failAt: 1, onward: true, err: syscall.ENOSPC}}
	f, err := s.Spill(attempt(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(make([]byte, 12345))
	if fault.KindOf(err) != fault.Disk {
		t.Errorf("Write = %v of kind %v, want disk", err, fault.KindOf(err))
	}
	for _, want := range []string{s.dirs[0].path, s.dirs[1].path, "12345 bytes", "no space left", " bytes free", attempt(1, 1).String()} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %q", err, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutOfDescriptorsDoesNotBlameTheDirectory(t *testing.T) {
	s := faulty(t, 1, &trouble{failAt: 1, err: syscall.EMFILE})
	if _, err := s.Spill(attempt(1, 1)); fault.KindOf(err) != fault.Resource {
		t.Errorf("Spill = %v of kind %v, want resource", err, fault.KindOf(err))
	}
	if s.dirs[0].avoidUntil.Load() != 0 {
		t.Error("the directory is avoided")
	}
}

func TestFailingDirectoryIsAvoidedForAWhile(t *testing.T) {
	tr := &trouble{failAt: 1, writes: true, err: syscall.ENOSPC}
	s := faulty(t, 2, tr)
	now := time.Unix(1000, 0)
	s.now = func() time.Time { return now }
	s.next.Store(1)
	mustPublish(t, s, outputID(1, 0), 10)
	for i := range 6 {
		mustPublish(t, s, outputID(1, 1+i), 10)
	}
	if got := tr.ops.Load(); got != 1 {
		t.Errorf("the failed directory was tried %d times, want 1", got)
	}
	now = now.Add(avoidance)
	for i := range 2 {
		mustPublish(t, s, outputID(1, 10+i), 10)
	}
	if got := tr.ops.Load(); got < 2 {
		t.Errorf("the failed directory was not tried again after %v", avoidance)
	}
}

func TestAFailedWriteLeavesWhatWasWritten(t *testing.T) {
	tr := &trouble{failAt: 3, writes: true, err: syscall.ENOSPC} // Create, WriteAt, and the second WriteAt fails
	s := faulty(t, 1, tr)
	f, err := s.Spill(attempt(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("kept")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("refused")); err == nil || f.Offset() != 4 {
		t.Fatalf("Write = %v, Offset = %d, want an error and 4", err, f.Offset())
	}
	if _, err := f.Write([]byte(" on")); err != nil { // there is space again
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
	if err != nil || string(got) != "kept on" {
		t.Errorf("spill file holds %q, %v, want %q", got, err, "kept on")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadErrorsOfOutputsAreFetchFailures(t *testing.T) {
	for n := int64(1); n <= 3; n++ { // Open, Stat, ReadAt
		tr := &trouble{err: syscall.EIO}
		s := faulty(t, 1, tr)
		out := mustPublish(t, s, outputID(1, 1), 10)
		tr.ops.Store(0)
		tr.failAt = n
		if err := verify(s, out, 10); fault.KindOf(err) != fault.Fetch {
			t.Errorf("operation %d: %v of kind %v, want fetch", n, err, fault.KindOf(err))
		}
	}
}

// tmpfs mounts a file system of 1 MiB.
func tmpfs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: a real full disk: mounting a tmpfs needs root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestRealFullDisk(t *testing.T) {
	small, large := tmpfs(t), t.TempDir()
	t.Run("alone", func(t *testing.T) {
		s := mustOpen(t, Config{Dirs: []string{small}})
		f, err := s.Spill(attempt(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if _, err = f.Write(make([]byte, 256<<10)); err != nil {
				break
			}
		}
		if fault.KindOf(err) != fault.Disk || !strings.Contains(err.Error(), small) || !strings.Contains(err.Error(), "no space left on device, 0 bytes free") {
			t.Errorf("Write = %v of kind %v, want disk, what is free and the directory's name", err, fault.KindOf(err))
		}
		held := f.Offset()
		if got, err := io.ReadAll(io.NewSectionReader(f, 0, 4<<20)); err != nil || int64(len(got)) != held || held == 0 {
			t.Errorf("%d bytes are readable after the failure, %v, want %d", len(got), err, held)
		}
		if _, err := publish(s, outputID(1, 2), 2<<20); fault.KindOf(err) != fault.Disk {
			t.Errorf("publish = %v of kind %v, want disk", err, fault.KindOf(err))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := verify(s, mustPublish(t, s, outputID(1, 3), 700_000), 700_000); err != nil {
			t.Errorf("after the space was freed: %v", err)
		}
	})
	t.Run("beside another", func(t *testing.T) {
		s := mustOpen(t, Config{Dirs: []string{small, large}, MemoryBytes: 1 << 20})
		for i := range 4 {
			f, err := s.Spill(attempt(1, i))
			if err != nil {
				t.Fatal(err)
			}
			var pieces [][]byte
			for j := range 10 {
				pieces = append(pieces, bytes.Repeat([]byte{byte(j)}, 256<<10))
			}
			if err := spillAndRead(f, pieces); err != nil {
				t.Error(err)
			}
			out := mustPublish(t, s, plan.OutputID{Attempt: attempt(1, i)}, 900_000, 900_000)
			if err := verify(s, out, 900_000, 900_000); err != nil {
				t.Error(err)
			}
		}
		if err := s.DropJob(plan.JobID{1}); err != nil {
			t.Error(err)
		}
	})
	if left, err := os.ReadDir(small); err != nil || len(left) != 0 {
		t.Errorf("left on the small disk: %v, %v", left, err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name   string
		memory int64
		size   int
	}{{"memory 64 KiB", 1 << 30, 64 << 10}, {"file 64 KiB", 0, 64 << 10}, {"file 16 MiB", 0, 16 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			s := mustOpen(b, Config{Dirs: []string{b.TempDir()}, MemoryBytes: c.memory})
			piece := make([]byte, 64<<10)
			b.SetBytes(int64(c.size))
			for i := 0; b.Loop(); i++ {
				id := outputID(1, i)
				w, err := s.Create(id)
				if err != nil {
					b.Fatal(err)
				}
				for w.Offset() < int64(c.size) {
					if _, err := w.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
				ix := Index{[]Segment{{StoredBytes: w.Offset(), Rows: 1}}}
				digest, n, err := w.Publish(ix)
				if err != nil {
					b.Fatal(err)
				}
				o, err := s.Open(context.Background(), plan.MapOutput{ID: id, Digest: digest, Bytes: n})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := ReadIndex(o, digest); err != nil {
					b.Fatal(err)
				}
				o.Close()
				s.DropAttempt(id.Attempt)
			}
		})
	}
}
