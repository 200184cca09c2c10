package store

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/sheafdata/sheaf/internal/fault"
)

// ParseIndex reads an index that AppendBinary wrote and that fills b. It
// accepts only what AppendBinary writes, takes no more memory than b's length
// warrants, and keeps parts of b as keys, so b must not change afterwards.
// Errors are of kind fault.Corrupt.
func ParseIndex(b []byte) (Index, error) {
	if len(b) > MaxIndexBytes {
		return Index{}, corrupt("index of %d bytes is above the limit of %d", len(b), MaxIndexBytes)
	}
	if len(b) == 0 {
		return Index{}, corrupt("index is empty")
	}
	if b[0] != indexVersion {
		return Index{}, corrupt("index version %d, this program reads version %d", b[0], indexVersion)
	}
	p := parser{rest: b[1:]}
	count := p.number()
	if count > uint64(len(p.rest)/minSegmentBytes) {
		return Index{}, corrupt("index of %d bytes claims %d segments", len(b), count)
	}
	var ix Index
	if count > 0 {
		ix.Segments = make([]Segment, count)
	}
	for i := range ix.Segments {
		ix.Segments[i] = p.segment()
		if p.bad != "" {
			return Index{}, corrupt("index segment %d: %s", i, p.bad)
		}
	}
	if p.bad != "" || len(p.rest) > 0 {
		return Index{}, corrupt("index has %d bytes behind its segments %s", len(p.rest), p.bad)
	}
	return ix, nil
}

// parser reads segments from the front of rest. After the first mismatch,
// which bad names, it returns zeros.
type parser struct {
	rest   []byte
	before Segment
	sums   totals
	bad    string
}

func (p *parser) segment() Segment {
	var s Segment
	bucket := p.number()
	if bucket > uint64(math.MaxUint32-p.before.Bucket) {
		p.fail("bucket is above 32 bits")
	}
	s.Bucket = p.before.Bucket + uint32(bucket)
	s.FirstKey = p.bytes(p.number())
	gap := p.int63()
	s.StoredBytes, s.RawBytes, s.Rows = p.int63(), p.int63(), p.int63()
	s.Offset = p.sums.end + gap
	s.Sum, s.Xor = p.fixed64(), p.fixed64()
	if p.bad != "" {
		return Segment{}
	}
	if !p.sums.add(gap, s) {
		p.fail("the sums are above 63 bits")
	}
	if s.Bucket == p.before.Bucket && bytes.Compare(s.FirstKey, p.before.FirstKey) < 0 {
		p.fail("its key is less than the one before")
	}
	p.before = s
	return s
}

// number reads a varint in its shortest form, so that an index has one encoding.
func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 || (n > 1 && p.rest[n-1] == 0) {
		p.fail("a number is cut off, too large or padded")
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) int63() int64 {
	v := p.number()
	if v > math.MaxInt64 {
		p.fail("a number is above 63 bits")
		return 0
	}
	return int64(v)
}

func (p *parser) fixed64() uint64 {
	b := p.bytes(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (p *parser) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.fail("it is cut off")
	}
	if p.bad != "" || n == 0 {
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) fail(why string) {
	if p.bad == "" {
		p.bad, p.rest = why, nil
	}
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Corrupt, format, args...)
}
