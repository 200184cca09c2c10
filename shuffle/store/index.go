package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// MaxIndexBytes bounds the encoded index of a map output. It holds some
	// million segments, or a terabyte of sorted rows.
	MaxIndexBytes = 64 << 20

	indexVersion = 1
	// minSegmentBytes is the least that a segment takes when encoded: six
	// varints of a byte and the row digest.
	minSegmentBytes = 6 + 16
)

// Segment is a piece of a map output that readers fetch as a whole: of a hash
// exchange all blocks of one bucket that has rows, of a range exchange one block.
type Segment struct {
	// Bucket is the hash bucket; 0 in range and gather outputs.
	Bucket uint32
	// FirstKey is the normalised key of the first row of a range exchange's
	// segment, or a prefix of it; empty in other outputs.
	FirstKey []byte
	// Offset is where the segment begins in the output, in bytes.
	Offset int64
	// StoredBytes is its length there, block headers included.
	StoredBytes int64
	// RawBytes is the sum of its blocks' raw payloads.
	RawBytes int64
	// Rows is the sum of its blocks' rows.
	Rows int64
	// Sum and Xor digest the segment's rows, in whatever order: the sum and the
	// exclusive or of every row's 64-bit hash.
	Sum, Xor uint64
}

// Index lists the segments of a map output by ascending offset, without
// overlap. Buckets never descend, nor do first keys within a bucket.
type Index struct {
	Segments []Segment
}

// AppendBinary appends the index as docs/format/mapoutput.md describes it. An
// index that breaks the order which Index promises, has a negative number or
// is too large is an error of kind fault.Internal.
func (ix Index) AppendBinary(b []byte) ([]byte, error) {
	if err := ix.check(); err != nil {
		return b, err
	}
	out := ix.encode(b)
	if n := len(out) - len(b); n > MaxIndexBytes {
		return b, fault.New(fault.Internal, "index of %d bytes is above the limit of %d", n, MaxIndexBytes)
	}
	return out, nil
}

// Digest returns the xxh3-128 of the encoded index in hexadecimal. Since the
// index holds the row digests, it tells map outputs with other rows apart.
func (ix Index) Digest() string { return digest(ix.encode(nil)) }

func digest(index []byte) string {
	sum := xxh3.Hash128(index).Bytes()
	return hex.EncodeToString(sum[:])
}

func (ix Index) encode(b []byte) []byte {
	b = append(b, indexVersion)
	b = binary.AppendUvarint(b, uint64(len(ix.Segments)))
	var bucket uint32
	var end int64
	for _, s := range ix.Segments {
		b = binary.AppendUvarint(b, uint64(s.Bucket-bucket))
		b = binary.AppendUvarint(b, uint64(len(s.FirstKey)))
		b = append(b, s.FirstKey...)
		b = binary.AppendUvarint(b, uint64(s.Offset-end))
		b = binary.AppendUvarint(b, uint64(s.StoredBytes))
		b = binary.AppendUvarint(b, uint64(s.RawBytes))
		b = binary.AppendUvarint(b, uint64(s.Rows))
		b = binary.LittleEndian.AppendUint64(b, s.Sum)
		b = binary.LittleEndian.AppendUint64(b, s.Xor)
		bucket, end = s.Bucket, s.Offset+s.StoredBytes
	}
	return b
}

// end returns the offset behind the last segment.
func (ix Index) end() int64 {
	if len(ix.Segments) == 0 {
		return 0
	}
	last := ix.Segments[len(ix.Segments)-1]
	return last.Offset + last.StoredBytes
}

// check reports what makes the index unfit to be written.
func (ix Index) check() error {
	var before Segment
	var t totals
	for i, s := range ix.Segments {
		switch {
		case s.Offset < 0 || s.StoredBytes < 0 || s.RawBytes < 0 || s.Rows < 0:
			return fault.New(fault.Internal, "segment %d has a negative number: %+v", i, s)
		case s.Offset < before.Offset+before.StoredBytes:
			return fault.New(fault.Internal, "segment %d begins at %d, inside the one before", i, s.Offset)
		case s.Bucket < before.Bucket:
			return fault.New(fault.Internal, "segment %d of bucket %d follows bucket %d", i, s.Bucket, before.Bucket)
		case s.Bucket == before.Bucket && bytes.Compare(s.FirstKey, before.FirstKey) < 0:
			return fault.New(fault.Internal, "segment %d begins with a lesser key than the one before", i)
		case !t.add(s.Offset-(before.Offset+before.StoredBytes), s):
			return fault.New(fault.Internal, "the segments up to %d sum up to more than 63 bits hold", i)
		}
		before = s
	}
	return nil
}

// totals are sums over segments that must not overflow: readers add them up.
type totals struct {
	end, raw, rows int64
}

// add adds a segment that begins gap bytes behind the last, unless a sum would
// overflow. All numbers are at least 0.
func (t *totals) add(gap int64, s Segment) bool {
	if gap > math.MaxInt64-t.end || s.StoredBytes > math.MaxInt64-t.end-gap ||
		s.RawBytes > math.MaxInt64-t.raw || s.Rows > math.MaxInt64-t.rows {
		return false
	}
	t.end += gap + s.StoredBytes
	t.raw += s.RawBytes
	t.rows += s.Rows
	return true
}
