package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

// DiskWanted asks the executor for room on its disks; a worker asks once at a time,
// and only if Start.DiskLimited says so.
type DiskWanted struct {
	NeedBytes int64 // the least that is of use
	WantBytes int64 // what it would rather have
}

// DiskLent answers a DiskWanted.
type DiskLent struct {
	Bytes   int64         // what the worker may write from now on, in addition
	Failure *fault.Report // why it is nothing, or nil
}

// DiskReturned gives room back that was lent.
type DiskReturned struct {
	Bytes int64
}

func (m DiskWanted) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_DiskWanted{DiskWanted: &pb.DiskWanted{NeedBytes: m.NeedBytes, WantBytes: m.WantBytes}}}
}

func (m DiskLent) frame() *pb.WorkerFrame {
	lent := &pb.DiskLent{Bytes: m.Bytes}
	if m.Failure != nil {
		lent.Failure = EncodeReport(m.Failure)
	}
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_DiskLent{DiskLent: lent}}
}

func (m DiskReturned) frame() *pb.WorkerFrame {
	return &pb.WorkerFrame{Message: &pb.WorkerFrame_DiskReturned{DiskReturned: &pb.DiskReturned{Bytes: m.Bytes}}}
}

func readDiskWanted(c *checker, m *pb.DiskWanted) DiskWanted {
	return DiskWanted{NeedBytes: c.quantity("need_bytes", m.GetNeedBytes()), WantBytes: c.quantity("want_bytes", m.GetWantBytes())}
}

func readDiskLent(c *checker, m *pb.DiskLent) DiskLent {
	return DiskLent{Bytes: c.quantity("bytes", m.GetBytes()), Failure: maybe(c, "failure", m.GetFailure(), readReport)}
}

func readDiskReturned(c *checker, m *pb.DiskReturned) DiskReturned {
	return DiskReturned{Bytes: c.quantity("bytes", m.GetBytes())}
}
