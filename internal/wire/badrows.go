package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// EncodeRowRange makes the message of a range of rows; that of nil is nil.
func EncodeRowRange(r *plan.RowRange) *pb.RowRange {
	if r == nil {
		return nil
	}
	return &pb.RowRange{Split: narrow(r.Split), Row: r.Row, Rows: r.Rows}
}

// DecodeRowRange checks a range of rows, which may be absent.
func DecodeRowRange(field string, m *pb.RowRange) (*plan.RowRange, error) {
	var c checker
	r := maybe(&c, field, m, readRowRange)
	return r, c.err
}

func readRowRange(c *checker, m *pb.RowRange) plan.RowRange {
	r := plan.RowRange{Split: c.number("split", m.GetSplit()), Row: c.quantity("row", m.GetRow()), Rows: c.quantity("rows", m.GetRows())}
	if r.Row+r.Rows < 0 {
		c.fail("rows", "%d rows from row %d on are too many", r.Rows, r.Row)
	}
	return r
}

func encodeDeadlyRow(r *plan.DeadlyRow) *pb.DeadlyRow {
	return &pb.DeadlyRow{Split: narrow(r.Split), Row: r.Row, Problem: r.Problem}
}

func readDeadlyRow(c *checker, m *pb.DeadlyRow) plan.DeadlyRow {
	return plan.DeadlyRow{
		Split: c.number("split", m.GetSplit()), Row: c.quantity("row", m.GetRow()), Problem: c.text("problem", m.GetProblem(), plan.MaxBadTextBytes),
	}
}
