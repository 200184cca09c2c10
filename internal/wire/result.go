package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// EncodeResult makes the message of a result. It shares keys, sizes and blocks
// with it.
func EncodeResult(r *plan.Result) *pb.Result {
	return &pb.Result{
		Splits:  messages(r.Splits, encodeSplit),
		Outputs: messages(r.Outputs, encodeMapOutput),
		Files:   messages(r.Files, encodeStagedFile),
		Rows:    messages(r.Rows, EncodeRows),
		Figures: EncodeFigures(&r.Figures),
		BadRows: messages(r.BadRows, encodeBadRow),
	}
}

// DecodeResult checks a result. It shares keys, sizes and blocks with the
// message. Whether the result fits its task is for the scheduler to say.
func DecodeResult(m *pb.Result) (plan.Result, error) { return decode("result", m, readResult) }

func readResult(c *checker, m *pb.Result) plan.Result {
	return plan.Result{
		Splits:  list(c, "splits", m.GetSplits(), readSplit),
		Outputs: list(c, "outputs", m.GetOutputs(), readMapOutput),
		Files:   list(c, "files", m.GetFiles(), readStagedFile),
		Rows:    list(c, "rows", m.GetRows(), readRows),
		Figures: one(c, "figures", m.GetFigures(), readFigures),
		BadRows: list(c, "bad_rows", m.GetBadRows(), readBadRow),
	}
}

func encodeBadRow(r *plan.BadRow) *pb.BadRow { return &pb.BadRow{Place: r.Place, Problem: r.Problem} }

func readBadRow(c *checker, m *pb.BadRow) plan.BadRow {
	return plan.BadRow{
		Place: c.text("place", m.GetPlace(), plan.MaxBadTextBytes), Problem: c.text("problem", m.GetProblem(), plan.MaxBadTextBytes),
	}
}

// EncodeRows makes the message of collected rows, with which it shares blocks.
func EncodeRows(r *plan.CollectedRows) *pb.CollectedRows {
	return &pb.CollectedRows{Sink: narrow(r.Sink), Blocks: r.Blocks}
}

// DecodeRows checks collected rows; it shares blocks with the message.
func DecodeRows(m *pb.CollectedRows) (plan.CollectedRows, error) { return decode("rows", m, readRows) }

func readRows(c *checker, m *pb.CollectedRows) plan.CollectedRows {
	r := plan.CollectedRows{Sink: plan.SinkID(c.number("sink", m.GetSink()))}
	if c.length("blocks", len(m.GetBlocks())) && len(m.GetBlocks()) > 0 {
		r.Blocks = m.GetBlocks()
	}
	return r
}

// EncodeFigures makes the message of figures, with which it shares counters.
func EncodeFigures(f *plan.Figures) *pb.Figures {
	return &pb.Figures{
		RowsIn: f.RowsIn, BytesIn: f.BytesIn, RowsOut: f.RowsOut, BytesOut: f.BytesOut,
		ShuffleBytes: f.ShuffleBytes, SpilledBytes: f.SpilledBytes,
		SourceRows: f.SourceRows, SourceBytes: f.SourceBytes, SinkRows: f.SinkRows,
		Counters: f.Counters, BadRows: f.BadRows,
	}
}

// DecodeFigures checks figures; it shares counters with the message.
func DecodeFigures(m *pb.Figures) (plan.Figures, error) { return decode("figures", m, readFigures) }

func readFigures(c *checker, m *pb.Figures) plan.Figures {
	return plan.Figures{
		RowsIn:       c.quantity("rows_in", m.GetRowsIn()),
		BytesIn:      c.quantity("bytes_in", m.GetBytesIn()),
		RowsOut:      c.quantity("rows_out", m.GetRowsOut()),
		BytesOut:     c.quantity("bytes_out", m.GetBytesOut()),
		ShuffleBytes: c.quantity("shuffle_bytes", m.GetShuffleBytes()),
		SpilledBytes: c.quantity("spilled_bytes", m.GetSpilledBytes()),
		SourceRows:   c.quantity("source_rows", m.GetSourceRows()),
		SourceBytes:  c.quantity("source_bytes", m.GetSourceBytes()),
		SinkRows:     c.quantity("sink_rows", m.GetSinkRows()),
		Counters:     readCounters(c, m.GetCounters()),
		BadRows:      c.quantity("bad_rows", m.GetBadRows()),
	}
}

// readCounters checks what was counted, which it keeps; it may be negative.
func readCounters(c *checker, in []int64) []int64 {
	if len(in) > plan.MaxCounters {
		c.fail("counters", "%d counters, at most %d", len(in), plan.MaxCounters)
	}
	if len(in) == 0 {
		return nil
	}
	return in
}
