package shuffle

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// next decodes the next block of s into c and returns its bytes; io.EOF at the
// end. Memory for a large row is asked for, and the row before let go.
func (r *blockReader[V]) next(env *Env, s *segmentReader, c *chunk[V]) (int, error) {
	h, err := s.header()
	if err != nil {
		return 0, err
	}
	if !env.isLarge(h) {
		stored, err := s.block()
		if err == nil {
			_, err = r.decode(stored, c)
		}
		return len(stored), err
	}
	*c = chunk[V]{}
	if err := env.EnterLarge(int64(h.BlockBytes())); err != nil {
		return 0, err
	}
	stored := make([]byte, h.BlockBytes())
	if err := s.take(stored); err != nil {
		return 0, err
	}
	return len(stored), r.decodeOwned(stored, c)
}

// decodeOwned decodes a block whose memory the rows may keep.
func (r *blockReader[V]) decodeOwned(stored []byte, c *chunk[V]) error {
	raw, h, err := r.decoder.DecodeOwned(stored)
	if err != nil {
		return err
	}
	return r.decodeRaw(raw, int(h.Rows), c)
}

// longKeyBytes is how much of a large row's key a cursor holds. Bounds of
// partitions are far shorter.
const longKeyBytes = 32 << 10

// LastingKeyBytes is the length from which a key of a merge is never written
// again, and so valid for as long as it is used.
const LastingKeyBytes = longKeyBytes + 1

// largeRow is the row of a cursor that is large.
type largeRow struct {
	offset   int64 // of its block
	bytes    int64 // of its block
	keyBytes int64
	loaded   bool
}

// keyAt is where the key begins in the file.
func (l *largeRow) keyAt() int64 { return l.offset + block.HeaderBytes + column.KeyFrameHead }

// scratches are for reading large blocks in pieces.
var scratches = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// openLarge makes the large block at which the cursor's reader stands its row.
// The block is checked as any other, but only the beginning of the key stays.
func (c *cursor[V]) openLarge(h block.Header) error {
	head := block.HeaderBytes + column.KeyFrameHead
	if err := c.blocks.need(min(h.BlockBytes(), head+longKeyBytes)); err != nil {
		return err
	}
	l := &largeRow{offset: c.blocks.offset(), bytes: int64(h.BlockBytes())}
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	if _, err := block.CheckAt(c.blocks.src, l.offset, scratch[:]); err != nil {
		return err
	}
	var err error
	buf := c.blocks.buf
	if l.keyBytes, err = column.KeyLength(buf[block.HeaderBytes:], int64(h.RawBytes)); err != nil {
		return err
	}
	c.head = append(c.head[:0], buf[head:head+int(min(l.keyBytes, longKeyBytes))]...)
	c.chunk, c.large, c.key = chunk[V]{}, l, c.head
	return c.blocks.skip(l.bytes)
}

// part reads a part of the payload of the large row's block. It is checked once
// more, as every block that is decoded.
func (c *cursor[V]) part(from, to int64) ([]byte, error) {
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	_, part, err := block.ReadPart(c.blocks.src, c.large.offset, from, to, scratch[:])
	return part, c.failed(err)
}

// load reads a large row into memory, without its key.
func (c *cursor[V]) load() error {
	raw, err := c.part(column.KeyFrameHead+c.large.keyBytes, c.large.bytes-block.HeaderBytes)
	if err != nil {
		return err
	}
	if err := c.reader.decodeRows(raw, 1, &c.chunk); err != nil {
		return c.failed(err)
	}
	c.large.loaded = true
	return nil
}

// loadKey reads the rest of a large row's key.
func (c *cursor[V]) loadKey() (err error) {
	c.key, err = c.part(column.KeyFrameHead, column.KeyFrameHead+c.large.keyBytes)
	return err
}

// keyLen is the length of the key at hand.
func (c *cursor[V]) keyLen() int64 {
	if c.large != nil {
		return c.large.keyBytes
	}
	return int64(len(c.key))
}

// keyPiece returns the key's bytes from at on, as many as there are or fit buf.
func (c *cursor[V]) keyPiece(buf []byte, at int64) ([]byte, error) {
	if at < int64(len(c.key)) {
		return c.key[at:min(at+int64(len(buf)), int64(len(c.key)))], nil
	}
	buf = buf[:min(int64(len(buf)), c.keyLen()-at)]
	if n, err := c.blocks.src.ReadAt(buf, c.large.keyAt()+at); n < len(buf) {
		if err == nil || err == io.EOF {
			err = fault.New(fault.Corrupt, "file ends in the middle of a key")
		}
		return nil, c.failed(err)
	}
	return buf, nil
}

// compareKeys compares keys of which one at least may not be in memory whole.
func compareKeys[V any](x, y *cursor[V]) (int, error) {
	if x.large == nil && y.large == nil {
		return bytes.Compare(x.key, y.key), nil
	}
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	half := len(scratch) / 2
	for at, end := int64(0), min(x.keyLen(), y.keyLen()); at < end; {
		a, err := x.keyPiece(scratch[:half], at)
		if err != nil {
			return 0, err
		}
		b, err := y.keyPiece(scratch[half:], at)
		if err != nil {
			return 0, err
		}
		n := min(len(a), len(b))
		if c := bytes.Compare(a[:n], b[:n]); c != 0 {
			return c, nil
		}
		at += int64(n)
	}
	switch {
	case x.keyLen() < y.keyLen():
		return -1, nil
	case x.keyLen() > y.keyLen():
		return 1, nil
	}
	return 0, nil
}

// Large reports whether the row at hand is large. Such a row is on disk still:
// Row may be called after Load only, and Key after LoadKey.
func (m *Merge[V]) Large() bool { return m.winner().large != nil }

// Load reads the row at hand into memory if it is large, without its key; the
// large row before it is not to be used any more. False means an error. It may
// wait for other tasks that have large rows in memory.
func (m *Merge[V]) Load() bool {
	c := m.winner()
	if c.large == nil || c.large.loaded {
		return true
	}
	m.enter(c.large.bytes - c.large.keyBytes)
	if m.err == nil {
		m.err = c.load()
	}
	return m.err == nil
}

// LoadKey makes the key of the row at hand whole, as Load does with the row.
func (m *Merge[V]) LoadKey() bool {
	c := m.winner()
	if c.keyLen() == int64(len(c.key)) {
		return true
	}
	m.enter(c.large.keyBytes)
	if m.err == nil {
		m.err = c.loadKey()
	}
	return m.err == nil
}

// enter waits until there is room for a large row or key in place of the last.
func (m *Merge[V]) enter(bytes int64) {
	if m.inside > 0 {
		m.env.LeaveLarge()
	}
	m.inside = 1
	m.err = m.env.EnterLarge(bytes)
}

// KeyIs reports whether the row at hand has a key; false, too, after an error.
func (m *Merge[V]) KeyIs(key []byte) bool {
	c := m.winner()
	if c.large == nil {
		return bytes.Equal(c.key, key)
	}
	if c.keyLen() != int64(len(key)) {
		return false
	}
	var order int
	order, m.err = compareKeys(c, &cursor[V]{key: key})
	return m.err == nil && order == 0
}

// KeyBegins reports whether the key of the row at hand begins with some bytes; false,
// too, after an error.
func (m *Merge[V]) KeyBegins(with []byte) bool {
	c := m.winner()
	return c.keyLen() >= int64(len(with)) && m.LoadKey() && bytes.HasPrefix(m.winner().key, with)
}

// copyLarge copies the block of the large row at hand.
func (s *sortedOutput[V]) copyLarge(m *Merge[V]) error {
	c := m.winner()
	from := slices.IndexFunc(c.src.segments, func(seg store.Segment) bool { return seg.Offset == c.large.offset })
	if from < 0 || c.src.segments[from].Rows != 1 {
		return c.failed(fault.New(fault.Corrupt, "the index has no row at offset %d", c.large.offset))
	}
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	n, err := io.CopyBuffer(onlyWriter{s.out}, onlyReader{io.NewSectionReader(c.blocks.src, c.large.offset, c.large.bytes)}, scratch[:])
	if err == nil && n < c.large.bytes {
		err = fault.New(fault.Corrupt, "file ends at offset %d, in the middle of a block", c.large.offset+n)
	}
	if err != nil {
		return c.failed(err)
	}
	seg := c.src.segments[from]
	seg.FirstKey, seg.Offset, seg.Bucket = indexKey(c.key), s.offset, 0
	s.offset += seg.StoredBytes
	s.segments = append(s.segments, seg)
	s.heavy.large(c.key, c.keyLen(), seg.StoredBytes)
	return nil
}

// onlyWriter and onlyReader keep io.CopyBuffer to its buffer.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)
