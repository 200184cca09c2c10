package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// CutSequence cuts rows that keep the order of the input into ranges of neighbours
// that cover all of them. outputs are the map outputs in that order, samples what
// each says of where its bytes are, in any order. The ranges hold about the same
// stored bytes, or, where the cut says Rows, so many rows each but the last. They
// are as many as the cut says, but never more than rows; without a word of it, as
// many as CutBuckets aims at, and with Spread a few for each slot, however little
// there is. There is always a range.
func CutSequence(outputs []plan.MapOutput, samples [][]plan.KeySample, cut plan.Cut, slots int, cfg Config) []KeyRange {
	s := newSequence(outputs, samples)
	n := s.ranges(cut, slots, cfg.withDefaults())
	var ranges []KeyRange
	var from []byte
	for i := int64(1); i < n; i++ {
		var row int64
		if cut.Rows > 0 {
			// There may not be as many ranges as the cut asks for.
			row = i * max(cut.Rows, s.rows/n)
		} else {
			row = s.rowAt(float64(s.bytes) / float64(n) * float64(i))
		}
		// Each range has a row at least.
		row = min(max(row, s.cut+1), s.rows-(n-i))
		s.cut = row
		to := s.keyOf(row)
		ranges = append(ranges, KeyRange{From: from, To: to})
		from = to
	}
	return append(ranges, KeyRange{From: from})
}

// sequence knows where the rows and bytes of an exchange are.
type sequence struct {
	outputs []plan.MapOutput
	points  []sequencePoint
	rows    int64
	bytes   int64
	cut     int64 // the last row that was cut at

	// at and before are the output in which the last key was made and the rows
	// before it: keys are asked for in order.
	at     int
	before int64
}

// sequencePoint says how many rows and stored bytes come before it.
type sequencePoint struct{ rows, bytes int64 }

func newSequence(outputs []plan.MapOutput, samples [][]plan.KeySample) *sequence {
	s := &sequence{outputs: outputs, points: []sequencePoint{{}}}
	of := map[plan.TaskID][]plan.KeySample{}
	for _, list := range samples {
		if len(list) > 0 {
			task, _ := plan.SequenceOfKey(list[0].Key)
			of[task] = list
		}
	}
	for _, o := range outputs {
		list := of[o.ID.Attempt.Task]
		var bytes int64
		for i, k := range list {
			if i == len(list)-1 {
				break // its bytes go to the end of the output
			}
			_, row := plan.SequenceOfKey(k.Key)
			bytes = addBytes(bytes, max(k.Bytes, 0))
			s.add(min(row, o.Rows), min(bytes, o.Bytes))
		}
		s.rows, s.bytes = addBytes(s.rows, max(o.Rows, 0)), addBytes(s.bytes, max(o.Bytes, 0))
		s.add(0, 0)
	}
	return s
}

// add adds a point so many rows and bytes behind the outputs before.
func (s *sequence) add(rows, bytes int64) {
	last := s.points[len(s.points)-1]
	p := sequencePoint{max(addBytes(s.rows, rows), last.rows), max(addBytes(s.bytes, bytes), last.bytes)}
	if p != last {
		s.points = append(s.points, p)
	}
}

// ranges is how many ranges to make.
func (s *sequence) ranges(cut plan.Cut, slots int, cfg Config) int64 {
	var n int64
	switch {
	case cut.Partitions > 0:
		n = int64(cut.Partitions)
	case cut.Rows > 0:
		n = (s.rows-1)/cut.Rows + 1
	case cut.Bytes > 0:
		n = (s.bytes-1)/cut.Bytes + 1
	default:
		n = (s.bytes-1)/clampTarget(s.bytes, slots, partitionsPerSlot, cfg.PartitionBytes) + 1
		if cut.Spread {
			n = max(n, int64(slots)*partitionsPerSlot)
		}
	}
	return max(min(n, s.rows, maxTasks), 1)
}

// rowAt is the row before which there are so many bytes.
func (s *sequence) rowAt(bytes float64) int64 {
	i, _ := slices.BinarySearchFunc(s.points, bytes, func(p sequencePoint, b float64) int {
		if float64(p.bytes) < b {
			return -1
		}
		return 1
	})
	if i == 0 || i == len(s.points) {
		return s.points[min(i, len(s.points)-1)].rows
	}
	a, b := s.points[i-1], s.points[i]
	part := (bytes - float64(a.bytes)) / float64(b.bytes-a.bytes)
	return a.rows + int64(part*float64(b.rows-a.rows))
}

// keyOf is the key of a row, counted over all outputs.
func (s *sequence) keyOf(row int64) []byte {
	for s.at < len(s.outputs)-1 && row >= s.before+s.outputs[s.at].Rows {
		s.before += s.outputs[s.at].Rows
		s.at++
	}
	return plan.AppendSequenceKey(nil, s.outputs[s.at].ID.Attempt.Task, row-s.before)
}

// numbered are the partitions whose rows were numbered when they were written.
func numbered(x *plan.Exchange) []plan.Partition {
	parts := make([]plan.Partition, x.Cut.Partitions)
	for i := range parts {
		if x.Kind == plan.Hash {
			parts[i].FirstBucket, parts[i].EndBucket = i, i+1
			continue
		}
		if i > 0 {
			parts[i].FromKey = plan.AppendPartKey(nil, i)
		}
		if i+1 < len(parts) {
			parts[i].ToKey = plan.AppendPartKey(nil, i+1)
		}
	}
	return parts
}

// bytesFor is how many stored bytes make a partition, where the cut wants a certain
// size, and else 0.
func (x *exchange) bytesFor(cut plan.Cut) int64 {
	if cut.Rows == 0 {
		return cut.Bytes
	}
	var rows int64
	for _, o := range x.allOutputs() {
		rows = addBytes(rows, o.Rows)
	}
	return int64(max(float64(x.bytes)/float64(max(rows, 1))*float64(cut.Rows), 1))
}
