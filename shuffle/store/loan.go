package store

import (
	"sync"

	"github.com/sheafdata/sheaf/internal/fault"
)

// The limit of an owner's store bounds what its workers write as well, which are
// other processes: the store of a Workspace writes nothing that the owner has not
// lent it. It asks for more than it needs at once, and gives back what it does not
// need any more, so that the two seldom speak of it.

// loanBytes is what a workspace's store asks for at once. So much, and as much
// again, may it hold without a use.
const loanBytes = 16 << 20

// Lender lends a workspace's store room on the owner's disks. Its methods may be
// called from several goroutines; Borrow is called by one at a time.
type Lender interface {
	// Borrow returns how much was lent: need or more, up to want. That it is refused is
	// an error of kind fault.Disk.
	Borrow(need, want int64) (int64, error)
	// Return gives back some of it. Map outputs that Forget is told of are not given
	// back: they are the owner's, with their bytes.
	Return(bytes int64)
}

// loan is what a workspace's store was lent.
type loan struct {
	lender Lender
	asking sync.Mutex // held by who asks for more

	mu    sync.Mutex // guards what follows, and that what is lent bounds what is held
	bytes int64
}

// borrow takes n bytes of disk of what was lent, and asks for more if need be.
func (s *Store) borrow(n int64) error {
	if s.loan.covers(s, n) == 0 {
		return nil
	}
	s.loan.asking.Lock()
	defer s.loan.asking.Unlock()
	for {
		need := s.loan.covers(s, n)
		if need == 0 {
			return nil
		}
		got, err := s.loan.lender.Borrow(need, max(need, loanBytes))
		if err != nil {
			return err
		}
		s.loan.mu.Lock()
		s.loan.bytes += got
		s.loan.mu.Unlock()
	}
}

// covers takes n bytes of what was lent, or nothing and returns how much is missing.
func (l *loan) covers(s *Store, n int64) (missing int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held, ok := take(&s.disk, n, l.bytes); !ok {
		return held + n - l.bytes
	}
	return 0
}

// freeDisk ends the use of n bytes of disk.
func (s *Store) freeDisk(n int64) {
	l := s.loan
	if l == nil {
		s.disk.Add(-n)
		return
	}
	l.mu.Lock()
	held := s.disk.Add(-n)
	idle := l.bytes - held
	switch {
	case held == 0:
	case idle > 2*loanBytes:
		idle -= loanBytes
	default:
		idle = 0
	}
	l.bytes -= idle
	l.mu.Unlock()
	if idle > 0 {
		l.lender.Return(idle)
	}
}

// cede takes n bytes of disk out of the books that are the owner's now.
func (s *Store) cede(n int64) {
	l := s.loan
	if l == nil {
		s.disk.Add(-n)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.disk.Add(-n)
	l.bytes -= n
}

// Lend gives the worker's store room on the disks, which counts as used from now
// on: need bytes or more, up to want. What the store's limit does not allow is an
// error of kind fault.Disk. What was lent comes back by TakeBack, as the bytes of
// map outputs that are adopted, and when the workspace is removed.
func (w *Workspace) Lend(need, want int64) (int64, error) {
	if need <= 0 || want < need {
		return 0, fault.New(fault.Invalid, "a worker asks for %d bytes of disk, or rather %d", need, want)
	}
	w.lending.Lock()
	defer w.lending.Unlock()
	if w.store.reserveDisk(want) != nil {
		want = need
		if err := w.store.reserveDisk(need); err != nil {
			return 0, err
		}
	}
	w.lent += want
	return want, nil
}

// TakeBack ends the use of some of what was lent, of all of it at most.
func (w *Workspace) TakeBack(bytes int64) { w.store.freeDisk(w.repay(bytes)) }

// repay takes up to so many bytes off what was lent and returns how many.
func (w *Workspace) repay(bytes int64) int64 {
	w.lending.Lock()
	defer w.lending.Unlock()
	bytes = min(max(bytes, 0), w.lent)
	w.lent -= bytes
	return bytes
}
