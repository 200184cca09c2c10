package shuffle

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Merge gives the rows of several sorted inputs in key order; equal keys come
// in the order of the inputs. It is a tournament of losers: a step costs one
// comparison a level, nearly always of two numbers that stand in the
// tournament itself. One goroutine uses it.
type Merge[V any] struct {
	cursors []*cursor[V]
	// losers[i] is the contender that lost at inner node i; losers[0] is the winner.
	losers  []contender
	started bool
	err     error
	env     *Env
	inside  int // rows since a large one was loaded, if that is still in use
}

// contender is a cursor in the tournament.
type contender struct {
	prefix uint64 // of its row's key, MaxUint64 when it is done
	cursor int
}

// source opens one sorted input of a merge.
type source struct {
	open func() (io.ReaderAt, func() error, error)
	// from and to bound its bytes; rows below fromKey and from toKey on are left out.
	from, to       int64
	fromKey, toKey []byte
	segments       []store.Segment
	blockBytes     int64 // of its largest block, decoded, but for large rows
	output         *plan.OutputID
}

// runSource is a spilled run as an input of a merge.
func runSource(env *Env, r run) source {
	s := source{open: func() (io.ReaderAt, func() error, error) {
		return r.file, func() error { return nil }, nil
	}}
	s.take(env, r.segments)
	return s
}

// take makes the segments those of the source. It copies them: of an index with
// thousands a reader needs a few, and no first keys.
func (s *source) take(env *Env, segments []store.Segment) {
	s.segments = slices.Clone(segments)
	for i := range s.segments {
		s.segments[i].FirstKey = nil
	}
	for i, seg := range segments {
		if i == 0 {
			s.from = seg.Offset
		}
		s.to = seg.Offset + seg.StoredBytes
		if !env.isLarge(headerOf(seg)) {
			s.blockBytes = max(s.blockBytes, seg.RawBytes)
		}
	}
}

// headerOf is the header of a segment of one block, as far as the index tells.
func headerOf(seg store.Segment) block.Header {
	h := block.Header{Codec: block.Default, Rows: uint32(seg.Rows), RawBytes: uint32(seg.RawBytes)}
	if seg.StoredBytes == seg.RawBytes+block.HeaderBytes {
		h.Codec = block.None
	}
	return h
}

// cursor walks the rows of one input.
type cursor[V any] struct {
	src    source
	close  func() error
	blocks *segmentReader
	reader blockReader[V]
	chunk  chunk[V]
	// at is the row at hand; rows of the chunk from end on are beyond toKey.
	at, end int
	prefix  uint64 // first eight bytes of the key at hand, big endian; MaxUint64 when done
	key     []byte // of a large row that is not loaded, its beginning
	done    bool
	held    *memory.Reservation

	env   *Env
	large *largeRow // the row at hand, if it is large
	head  []byte    // what key views then
	spare *spareBuffers
}

func openCursor[V any](src source, env *Env, typ *column.Type, spare *spareBuffers) (*cursor[V], error) {
	c := &cursor[V]{src: src, env: env, spare: spare, reader: newBlockReader[V](typ), held: env.Budget.Reserve("merge")}
	r, closer, err := src.open()
	if err != nil {
		return nil, err
	}
	c.close, c.blocks = closer, newSegmentReader(r, src.from, src.to)
	c.blocks.all = spare.takeStored()
	if spare.rows {
		c.reader.reuse(spare.takeRaw())
	}
	c.held.Must(memoryOfCursor(src))
	if err := c.nextBlock(); err != nil {
		c.free()
		return nil, err
	}
	for !c.done && bytes.Compare(c.key, src.fromKey) < 0 {
		if err := c.next(); err != nil {
			c.free()
			return nil, err
		}
	}
	return c, nil
}

// memoryOfCursor is what an open input holds: its read buffer, its decoded
// block and the rows made of it.
func memoryOfCursor(s source) int64 { return readAhead + 3*max(s.blockBytes, readAhead) }

func (c *cursor[V]) free() {
	if c.close != nil {
		c.close()
		c.close = nil
		c.spare.give(c.blocks.all, c.reader.raw)
	}
	c.chunk = chunk[V]{}
	c.held.Release()
}

// next moves to the next row.
func (c *cursor[V]) next() error {
	if c.at++; c.at < c.end {
		c.take()
		return nil
	}
	return c.nextBlock()
}

// nextBlock makes the first row of the next block the one at hand.
func (c *cursor[V]) nextBlock() error {
	// The rows of the block before may be in use still, by a caller that
	// collects them: strings stay valid, the slice does not.
	if c.large != nil {
		c.large, c.key, c.chunk, c.end = nil, nil, chunk[V]{}, 0 // a large row is let go at once
	}
	if c.end < len(c.chunk.rows) {
		c.finish()
		return nil
	}
	h, err := c.blocks.header()
	switch {
	case err == io.EOF:
		c.finish()
		return nil
	case err == nil && c.env.isLarge(h):
		if err = c.openLarge(h); err == nil {
			c.at, c.end = 0, 1
			c.place()
		}
	case err == nil:
		if _, err = c.reader.next(c.env, c.blocks, &c.chunk); err == nil {
			c.begin()
		}
	}
	return c.failed(err)
}

// failed names the map output that could not be read.
func (c *cursor[V]) failed(err error) error {
	if err != nil && c.src.output != nil {
		return unreadable(*c.src.output, err)
	}
	return err
}

// begin makes the first row of a chunk the one at hand, and finds where the
// key range ends in it.
func (c *cursor[V]) begin() {
	c.at, c.end = 0, len(c.chunk.rows)
	if to := c.src.toKey; to != nil && bytes.Compare(c.chunk.keys.At(c.end-1), to) >= 0 {
		c.end = sort.Search(c.end, func(i int) bool { return bytes.Compare(c.chunk.keys.At(i), to) >= 0 })
	}
	if c.end == 0 {
		c.finish()
		return
	}
	c.take()
}

func (c *cursor[V]) take() {
	c.key = c.chunk.keys.At(c.at)
	c.prefix = prefixOf(c.key)
}

// place looks where the key of the large row at hand is in the order.
func (c *cursor[V]) place() {
	if c.src.toKey != nil && bytes.Compare(c.key, c.src.toKey) >= 0 {
		c.finish()
		return
	}
	c.prefix = prefixOf(c.key)
}

func (c *cursor[V]) finish() { c.done, c.prefix = true, math.MaxUint64 }

// prefixOf is the first eight bytes of a key, with zeros behind a shorter one.
func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// newMerge opens a merge over sources; they must fit the budget together. Its
// buffers come from spare and go back there.
func newMerge[V any](env *Env, typ *column.Type, sources []source, spare *spareBuffers) (*Merge[V], error) {
	m := &Merge[V]{env: env, losers: make([]contender, max(len(sources), 1))}
	for _, s := range sources {
		c, err := openCursor[V](s, env, typ, spare)
		if err != nil {
			m.close()
			return nil, err
		}
		m.cursors = append(m.cursors, c)
	}
	if m.play(); m.err != nil { // keys that are not whole in memory are read on
		m.close()
		return nil, m.err
	}
	return m, nil
}

func (m *Merge[V]) close() {
	if m.inside > 0 {
		m.env.LeaveLarge()
		m.inside = 0
	}
	for _, c := range m.cursors {
		c.free()
	}
}

// play fills the tournament by playing every match once.
func (m *Merge[V]) play() {
	k := len(m.cursors)
	if k == 0 {
		return
	}
	winners := make([]contender, 2*k)
	for i, c := range m.cursors {
		winners[k+i] = contender{c.prefix, i}
	}
	for i := k - 1; i >= 1; i-- {
		a, b := winners[2*i], winners[2*i+1]
		if m.before(b, a) {
			a, b = b, a
		}
		winners[i], m.losers[i] = a, b
	}
	m.losers[0] = winners[1]
}

// before reports whether the row of a comes before that of b.
func (m *Merge[V]) before(a, b contender) bool {
	if a.prefix != b.prefix {
		return a.prefix < b.prefix
	}
	return m.tie(a.cursor, b.cursor)
}

// tie is before for cursors whose prefixes are equal.
func (m *Merge[V]) tie(a, b int) bool {
	x, y := m.cursors[a], m.cursors[b]
	if x.done || y.done {
		return !x.done
	}
	c := 0
	if x.large == nil && y.large == nil {
		c = bytes.Compare(x.key, y.key)
	} else if m.err == nil {
		c, m.err = compareKeys(x, y)
	}
	if c != 0 {
		return c < 0
	}
	return a < b
}

// Next moves to the next row; false means the end or an error.
func (m *Merge[V]) Next() bool {
	if m.err != nil || len(m.cursors) == 0 {
		return false
	}
	if m.inside > 0 {
		// The row may be in use, by a caller that looks ahead, up to the next but one.
		if m.inside++; m.inside > 2 {
			m.env.LeaveLarge()
			m.inside = 0
		}
	}
	if m.started {
		at := m.losers[0].cursor
		c := m.cursors[at]
		if m.err = c.next(); m.err != nil {
			return false
		}
		w := contender{c.prefix, at}
		for i := (at + len(m.cursors)) / 2; i >= 1; i /= 2 {
			if m.before(m.losers[i], w) {
				w, m.losers[i] = m.losers[i], w
			}
		}
		m.losers[0] = w
	}
	m.started = true
	return m.err == nil && !m.winner().done
}

// winner is the cursor at the row at hand.
func (m *Merge[V]) winner() *cursor[V] { return m.cursors[m.losers[0].cursor] }

// lastOfBlock reports whether the row at hand is the last of its block: with
// buffers that are used again, strings inside rows of its input end at Next.
func (m *Merge[V]) lastOfBlock() bool { c := m.winner(); return c.at+1 >= c.end }

// Key returns the key of the row at hand, valid until Next if it is shorter
// than LastingKeyBytes.
func (m *Merge[V]) Key() []byte { return m.winner().key }

// Row returns the payload of the row at hand, valid until Next; strings inside
// may be kept.
func (m *Merge[V]) Row() *V {
	c := m.winner()
	return &c.chunk.rows[c.at]
}

// Err returns the error that ended the merge, nil at the end of its inputs.
func (m *Merge[V]) Err() error { return m.err }

// ReadSorted reads a partition of a range exchange: all rows of its key range
// out of all map outputs, merged in key order; equal keys come in (map output,
// position) order. use may keep the strings inside rows.
func ReadSorted[V any](ctx context.Context, env *Env, p *plan.Partition, typ *column.Type, count *Count, use func(*Merge[V]) error) error {
	var sources []source
	open, stop := openAhead(ctx, env, p.Outputs, func(store.Index) (from, end int64) { return 0, 0 })
	defer stop()
	for _, out := range p.Outputs {
		s, rows, err := outputSource(ctx, env, open, out, p)
		if err != nil {
			return unreadable(out.ID, err)
		}
		if rows > 0 {
			sources = append(sources, s)
			count.Bytes.Add(s.to - s.from)
		}
	}
	f := funnel[V]{env: env, typ: typ}
	return f.merge(ctx, sources, false, use)
}

// outputSource finds the blocks of a map output that may hold keys of the
// partition, and the number of rows in them.
func outputSource(ctx context.Context, env *Env, open openFunc, out plan.MapOutput, p *plan.Partition) (source, int64, error) {
	file, err := open(ctx, out)
	if err != nil {
		return source{}, 0, err
	}
	defer file.Close()
	index, err := store.ReadIndex(file, out.Digest)
	if err != nil {
		return source{}, 0, err
	}
	segments := index.Segments
	// The block before the first that begins at or above FromKey may end with keys of ours.
	first := sort.Search(len(segments), func(i int) bool { return bytes.Compare(segments[i].FirstKey, p.FromKey) >= 0 })
	first = max(first-1, 0)
	end := len(segments)
	if p.ToKey != nil {
		end = sort.Search(len(segments), func(i int) bool { return bytes.Compare(segments[i].FirstKey, p.ToKey) >= 0 })
	}
	s := source{fromKey: p.FromKey, toKey: p.ToKey, output: &out.ID}
	s.open = func() (io.ReaderAt, func() error, error) {
		f, err := env.Source.Open(ctx, out)
		if err != nil {
			return nil, nil, unreadable(out.ID, err)
		}
		return f, f.Close, nil
	}
	var rows int64
	if first < end {
		s.take(env, segments[first:end])
		for _, seg := range segments[first:end] {
			rows += seg.Rows
		}
	}
	return s, rows, nil
}
