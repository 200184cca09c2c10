package plan

import "encoding/binary"

// Cut says how an exchange becomes partitions, where its verb wants something
// else than partitions of about equal size. The zero value wants nothing.
type Cut struct {
	// Numbered says that the partitions are numbered by those who write: partition
	// i is hash bucket i, or the keys of a range exchange that begin with
	// AppendPartKey(nil, i). There are Partitions of them, empty ones included.
	Numbered bool `json:"numbered,omitempty"`
	// Sequence says that the keys of a range exchange are those of
	// AppendSequenceKey: rows keep the order of the input, and may be cut between
	// any two. Spread wants partitions for all slots, however little there is.
	Sequence bool `json:"sequence,omitempty"`
	Spread   bool `json:"spread,omitempty"`
	// At most one of these is set: how many partitions there are to be, or how many
	// rows or stored bytes in each.
	Partitions int   `json:"partitions,omitempty"`
	Rows       int64 `json:"rows,omitempty"`
	Bytes      int64 `json:"bytes,omitempty"`
}

// Valid reports whether a scheduler can follow the cut for an exchange.
func (c *Cut) Valid(x *Exchange) bool {
	set := 0
	for _, n := range []int64{int64(c.Partitions), c.Rows, c.Bytes} {
		if n < 0 {
			return false
		}
		if n > 0 {
			set++
		}
	}
	switch {
	case set > 1 || c.Spread && !c.Sequence || c.Partitions > MaxPartitions:
		return false
	case *c == Cut{}:
		return true
	case c.Numbered:
		return !c.Sequence && c.Partitions > 0 && (x.Kind == Range || x.Kind == Hash && x.Buckets == c.Partitions)
	case c.Sequence:
		return x.Kind == Range
	}
	return x.Kind == Hash && c.Partitions == 0
}

// MaxPartitions bounds the partitions that a program may ask for: their numbers
// take two bytes beside each row.
const MaxPartitions = 1 << 16

// PartKeyBytes is the length of the key of a numbered partition.
const PartKeyBytes = 2

// AppendPartKey appends that with which the keys of a numbered partition begin.
func AppendPartKey(dst []byte, part int) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(part))
}

// PartOfKey is the number of the partition of a key.
func PartOfKey(key []byte) int { return int(binary.BigEndian.Uint16(key)) }

// AppendSequenceKey appends the key of a row that a task wrote as its row-th, from
// 0: in the order of these keys, rows stand in that of the input.
func AppendSequenceKey(dst []byte, task TaskID, row int64) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(task.Stage))
	dst = binary.BigEndian.AppendUint32(dst, uint32(task.Index))
	return binary.BigEndian.AppendUint64(dst, uint64(row))
}

// SequenceOfKey is the reverse of AppendSequenceKey; a key that is cut off ends
// with zeros.
func SequenceOfKey(key []byte) (task TaskID, row int64) {
	var whole [sequenceKeyBytes]byte
	copy(whole[:], key)
	task = TaskID{StageID(binary.BigEndian.Uint16(whole[:])), int(binary.BigEndian.Uint32(whole[2:]))}
	return task, int64(binary.BigEndian.Uint64(whole[6:]))
}

const sequenceKeyBytes = 2 + 4 + 8

// InSequence narrows a partition of a sequence to the map outputs that hold rows of
// it, and returns how many rows of the sequence stand before its first.
func (p *Partition) InSequence() (narrow Partition, before int64) {
	from, row := SequenceOfKey(p.FromKey)
	first := 0
	for first < len(p.Outputs) && p.Outputs[first].ID.Attempt.Task.before(from) {
		before += p.Outputs[first].Rows
		first++
	}
	end := first
	for end < len(p.Outputs) && p.beginsBefore(p.Outputs[end].ID.Attempt.Task) {
		end++
	}
	if first < len(p.Outputs) && p.Outputs[first].ID.Attempt.Task == from {
		before += min(row, p.Outputs[first].Rows)
	}
	narrow = *p
	narrow.Outputs = p.Outputs[first:end]
	return narrow, before
}

// beginsBefore reports whether the first row of a task stands before the end of p.
func (p *Partition) beginsBefore(task TaskID) bool {
	if p.ToKey == nil {
		return true
	}
	to, row := SequenceOfKey(p.ToKey)
	return task.before(to) || task == to && row > 0
}

// before reports whether a task's rows stand before those of another one.
func (t TaskID) before(other TaskID) bool {
	return t.Stage < other.Stage || t.Stage == other.Stage && t.Index < other.Index
}
