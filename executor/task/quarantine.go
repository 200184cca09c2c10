package task

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// QuarantineDirectory holds, in the destination of a job, the rows that it left
// out, in files of JSON lines. Its name begins so that a job that reads the
// destination passes over it. The format is described in docs/format/quarantine.md.
const QuarantineDirectory = "_quarantine"

// QuarantinedRow is a line of a file of rows that were left out.
type QuarantinedRow struct {
	File     string `json:"file,omitempty"`
	Offset   *int64 `json:"offset,omitempty"`
	Line     int64  `json:"line,omitempty"`
	Place    string `json:"place"`
	Stage    int    `json:"stage"`
	Operator string `json:"operator"`
	Error    string `json:"error"`
	Row      string `json:"row"`
}

// Bounds of what is written of a row.
const (
	maxErrorBytes = 4 << 10
	maxRowBytes   = 1 << 10
)

// quarantine takes the bad rows of one attempt.
type quarantine struct {
	task   *operator.Task
	input  *graph.Node
	limit  *plan.BadLimit
	sink   plan.SinkID
	stage  *storage.Stage // nil where the job publishes no files
	staged *storage.Staged
	name   string
	rows   int64
	first  []plan.BadRow
	err    error // the limit is exceeded, or a row cannot be written down
}

// newQuarantine returns where an attempt puts bad rows, or nil when it may have
// none.
func (r *Runtime) newQuarantine(t *operator.Task, input *graph.Node) *quarantine {
	limit := r.Graph.Plan.BadLimit
	if limit == nil || input.Role != graph.Input {
		return nil
	}
	q := &quarantine{task: t, input: input, limit: limit, name: fmt.Sprintf("%v-bad.jsonl", t.Assignment.Attempt)}
	if sink, ok := r.Graph.Plan.QuarantineSink(); ok && !t.Repeats {
		q.sink, q.stage = sink, t.Stages[sink]
	}
	return q
}

// failed takes a row on which user code failed.
func (q *quarantine) failed(from *failedBatch, v verdict) error {
	row := QuarantinedRow{Place: from.where(v.row), Operator: v.operator, Error: v.err.Error(), Row: preview(from.batch, v.row)}
	if l, ok := from.reader.(graph.Locator); ok {
		place := l.Locate(from.base + v.row)
		row.File, row.Offset, row.Line = place.File, &place.Offset, place.Line
	}
	return q.add(row)
}

// undecoded takes a row that a reader could not decode.
func (q *quarantine) undecoded(u graph.Undecoded) error {
	q.task.Read.Rows.Add(1)
	return q.add(QuarantinedRow{
		File: u.File, Offset: &u.Offset, Line: u.Line, Place: fmt.Sprintf("%s, offset %d", u.File, u.Offset),
		Operator: fmt.Sprintf("%s at %v", q.input.Op, q.input.At), Error: u.Err.Error(), Row: clip(string(u.Raw), maxRowBytes),
	})
}

func (q *quarantine) add(row QuarantinedRow) error {
	if q.err == nil {
		q.err = q.put(row)
	}
	return q.err
}

func (q *quarantine) put(row QuarantinedRow) error {
	row.Stage = int(q.task.Assignment.Attempt.Task.Stage)
	row.Error = clip(row.Error, maxErrorBytes)
	q.rows++
	if len(q.first) < plan.MaxBadReports {
		q.first = append(q.first, plan.BadRow{
			Place:   clip(row.Place, plan.MaxBadTextBytes),
			Problem: clip(row.Error, plan.MaxBadTextBytes),
		})
	}
	// Before it has written down more rows than anybody wants to read.
	if !q.limit.Allows(q.rows, -1) {
		return fault.Wrap(fault.Invalid, q.limit.TooMany(q.rows, -1, q.first))
	}
	if q.stage == nil {
		return nil
	}
	if q.staged == nil {
		var err error
		if q.staged, err = q.stage.Create(q.name); err != nil {
			return err
		}
	}
	line, err := json.Marshal(row)
	if err != nil {
		return fault.Wrap(fault.Internal, err)
	}
	_, err = q.staged.Write(append(line, '\n'))
	return err
}

// close reports what was left out.
func (q *quarantine) close() error {
	if q == nil || q.rows == 0 {
		return nil
	}
	res := &q.task.Result
	res.BadRows, res.Figures.BadRows = q.first, q.rows
	if q.staged == nil {
		return nil
	}
	size, hash, err := q.staged.Commit()
	if err != nil {
		return err
	}
	q.staged = nil
	res.Files = append(res.Files, plan.StagedFile{
		Sink: q.sink, Attempt: q.task.Assignment.Attempt, Name: q.name, Bytes: size, Rows: q.rows, XXH3: hash, Quarantine: true,
	})
	return nil
}

// abort deletes what is staged.
func (q *quarantine) abort() {
	if q != nil && q.staged != nil {
		q.staged.Abort()
		q.staged = nil
	}
}

// preview shows a row for people, as far as there is room.
func preview(batch arrow.Record, row int) string {
	var b strings.Builder
	for i, col := range batch.Columns() {
		if b.Len() > maxRowBytes {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(batch.ColumnName(i))
		b.WriteString(": ")
		b.WriteString(cell(col, row))
	}
	return clip(b.String(), maxRowBytes)
}

// cell shows one value. What may be long is cut before it is made text.
func cell(col arrow.Array, row int) string {
	if col.IsNull(row) {
		return "null"
	}
	switch col := col.(type) {
	case *array.String:
		return fmt.Sprintf("%q", clip(col.Value(row), maxRowBytes))
	case *array.LargeString:
		return fmt.Sprintf("%q", clip(col.Value(row), maxRowBytes))
	case *array.Binary:
		return fmt.Sprintf("%q", clip(string(head(col.Value(row))), maxRowBytes))
	case *array.LargeBinary:
		return fmt.Sprintf("%q", clip(string(head(col.Value(row))), maxRowBytes))
	case array.ListLike:
		if from, end := col.ValueOffsets(row); end-from > maxRowBytes {
			return fmt.Sprintf("a list of %d values", end-from)
		}
	}
	return clip(col.ValueStr(row), maxRowBytes)
}

func head(b []byte) []byte { return b[:min(len(b), maxRowBytes+1)] }

// clip cuts text to a number of bytes; what is no UTF-8 is replaced.
func clip(s string, limit int) string {
	const more = "…"
	if len(s) <= limit {
		// Replaced bytes take more room.
		if s = strings.ToValidUTF8(s, "?"); len(s) <= limit {
			return s
		}
	}
	return strings.ToValidUTF8(s[:limit-len(more)], "?") + more
}
