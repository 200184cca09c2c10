package program

import (
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

// lender is the executor as the lender of room on its disks. The store asks for one
// loan at a time.
type lender struct {
	s    *server
	lent chan wire.DiskLent // holds one
}

// Borrow implements store.Lender.
func (l *lender) Borrow(need, want int64) (int64, error) {
	if err := l.s.out.Write(wire.DiskWanted{NeedBytes: need, WantBytes: want}); err != nil {
		return 0, fault.Wrap(fault.Lost, err)
	}
	select {
	case m := <-l.lent:
		if m.Failure != nil {
			return 0, m.Failure.Err()
		}
		if m.Bytes < need {
			return 0, fault.New(fault.Internal, "the executor lent %d bytes of disk where %d were needed", m.Bytes, need)
		}
		return m.Bytes, nil
	case <-l.s.leaving:
		return 0, fault.New(fault.Lost, "the worker ends")
	}
}

// Return implements store.Lender. An executor that is gone takes all of it.
func (l *lender) Return(bytes int64) { _ = l.s.out.Write(wire.DiskReturned{Bytes: bytes}) }

// diskLent hands on what the executor lent.
func (s *server) diskLent(m wire.DiskLent) error {
	if s.lender != nil {
		select {
		case s.lender.lent <- m:
			return nil
		default:
		}
	}
	return fault.New(fault.Internal, "the executor lent disk space that nobody asked for")
}
