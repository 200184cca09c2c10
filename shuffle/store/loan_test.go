package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// lends is the way from a worker's store to its workspace.
type lends struct {
	*Workspace
	asked atomic.Int64
}

// Borrow implements Lender.
func (l *lends) Borrow(need, want int64) (int64, error) {
	l.asked.Add(1)
	return l.Lend(need, want)
}

// Return implements Lender.
func (l *lends) Return(bytes int64) { l.TakeBack(bytes) }

// borrower opens the store of one more worker of a limited owner.
func borrower(t testing.TB, executor *Store) (*Store, *lends) {
	t.Helper()
	space, err := executor.NewWorkspace(plan.JobID{1})
	if err != nil {
		t.Fatal(err)
	}
	l := &lends{Workspace: space}
	worker, err := Open(Config{Dirs: space.Dirs(), Workspace: true, Lender: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		worker.Close()
		if err := space.Remove(); err != nil {
			t.Error(err)
		}
		if _, disk := executor.Usage(); disk != 0 {
			t.Errorf("%d bytes of disk are used when all is gone", disk)
		}
	})
	return worker, l
}

func wantDisk(t testing.TB, executor *Store, want int64) {
	t.Helper()
	if _, disk := executor.Usage(); disk != want {
		t.Errorf("the owner counts %d bytes of disk, want %d", disk, want)
	}
}

// TestLimitBoundsSpills: what a worker spills counts towards the owner's limit, as
// long as it is there.
func TestLimitBoundsSpills(t *testing.T) {
	executor := mustOpen(t, Config{Dirs: []string{t.TempDir()}, Owner: "e", DiskBytes: 1000})
	a, _ := borrower(t, executor)
	b, _ := borrower(t, executor)
	f := spillOf(t, a, 700)
	wantDisk(t, executor, 700)
	g := spillOf(t, b, 200)
	_, err := g.Write(make([]byte, 101))
	if fault.KindOf(err) != fault.Disk {
		t.Errorf("Write above the limit = %v of kind %v, want disk", err, fault.KindOf(err))
	}
	for _, want := range []string{b.dirs[0].path, "101 bytes", "limit of 1000", "100 bytes free"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %q", err, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantDisk(t, executor, 200)
	if _, err := g.Write(make([]byte, 800)); err != nil {
		t.Errorf("Write after there is room = %v", err)
	}
	wantDisk(t, executor, 1000)
	// It is given back also where a worker ends without a word.
}

func spillOf(t testing.TB, s *Store, bytes int) *SpillFile {
	t.Helper()
	f, err := s.Spill(attempt(1, 1))
	if err == nil {
		_, err = f.Write(make([]byte, bytes))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAdoptedOnce: a map output counts once on its way from the worker to the
// owner, so that it fits exactly.
func TestAdoptedOnce(t *testing.T) {
	probe := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
	size := mustPublish(t, probe, outputID(1, 1), 500).Bytes
	executor := mustOpen(t, Config{Dirs: []string{t.TempDir()}, Owner: "e", DiskBytes: size})
	worker, _ := borrower(t, executor)
	for n := range 3 {
		out := mustPublish(t, worker, outputID(1, n), 500)
		wantDisk(t, executor, size)
		for range 2 { // a report may be repeated
			if err := executor.adoptFrom(t, worker, out); err != nil {
				t.Fatal(err)
			}
			wantDisk(t, executor, size)
		}
		worker.Forget(out.ID)
		if _, disk := worker.Usage(); disk != 0 {
			t.Errorf("the worker counts %d bytes that are the owner's", disk)
		}
		if _, err := publish(worker, outputID(2, n), 1); fault.KindOf(err) != fault.Disk {
			t.Errorf("one more output = %v, want kind disk", err)
		}
		if err := executor.DropAttempt(out.ID.Attempt); err != nil {
			t.Fatal(err)
		}
		wantDisk(t, executor, 0)
	}
}

// adoptFrom adopts an output of a worker that borrows.
func (s *Store) adoptFrom(t testing.TB, worker *Store, out plan.MapOutput) error {
	return worker.loan.lender.(*lends).Adopt(t.Context(), out)
}

// TestLoansAreFew: a worker asks for much at once, keeps some when it deletes, and
// gives the rest back.
func TestLoansAreFew(t *testing.T) {
	executor := mustOpen(t, Config{Dirs: []string{t.TempDir()}, Owner: "e", DiskBytes: 1 << 40})
	worker, l := borrower(t, executor)
	small := spillOf(t, worker, 1)
	f := spillOf(t, worker, 1<<20)
	for range 3*loanBytes/(1<<20) - 2 {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.asked.Load(); n != 3 {
		t.Errorf("it asked %d times for 48 MiB, want 3", n)
	}
	wantDisk(t, executor, 3*loanBytes)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantDisk(t, executor, loanBytes+1)
	if err := small.Close(); err != nil {
		t.Fatal(err)
	}
	wantDisk(t, executor, 0)
	for _, ask := range [][2]int64{{0, 1}, {-1, 5}, {3, 2}} {
		if _, err := l.Lend(ask[0], ask[1]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Lend(%d, %d) = %v, want kind invalid", ask[0], ask[1], err)
		}
	}
}

// TestLoansAtOnce spills from many goroutines of two workers: together they never
// hold more than the limit, and nothing in the end.
func TestLoansAtOnce(t *testing.T) {
	const limit = 100_000
	executor := mustOpen(t, Config{Dirs: []string{t.TempDir()}, Owner: "e", DiskBytes: limit})
	a, _ := borrower(t, executor)
	b, _ := borrower(t, executor)
	var all sync.WaitGroup
	var wrote atomic.Int64
	for i := range 8 {
		s := []*Store{a, b}[i%2]
		all.Go(func() {
			for range 50 {
				f, err := s.Spill(attempt(1, i))
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					if _, err := f.Write(make([]byte, 5000)); err == nil {
						wrote.Add(1)
					} else if fault.KindOf(err) != fault.Disk {
						t.Error(err)
					}
				}
				_, mine := a.Usage()
				_, others := b.Usage()
				if _, disk := executor.Usage(); disk > limit || mine > limit || others > limit {
					t.Errorf("%d bytes are used, by the workers %d and %d, of %d", disk, mine, others, limit)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if wrote.Load() == 0 {
		t.Error("nothing was written")
	}
	wantDisk(t, executor, 0)
}
