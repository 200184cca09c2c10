package shuffle

import (
	"context"
	"io"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// SortWriter is the map side of a range exchange: it writes one map output
// whose rows are sorted by key, equal keys in the order in which they were
// written. One goroutine uses it.
type SortWriter[V any] struct {
	env    *Env
	id     plan.OutputID
	typ    *column.Type
	buf    *buffer[V]
	blocks blockWriter
	spills spillFile
	runs   []run
	// group returns how many bytes of a key tell its group; nil for all of them.
	group  func(key []byte) int
	firsts *firsts // which rows of a group matter; nil for all
	// ordered says that rows are written in the order of their keys.
	ordered bool
	heavy   *heavyKeys // of the output, nil where nobody asks
	text    func(key []byte) string
}

// NewSortWriter returns a writer for one exchange of the attempt; typ is the
// type of V.
func NewSortWriter[V any](env *Env, exchange plan.ExchangeID, typ *column.Type) *SortWriter[V] {
	return &SortWriter[V]{
		env: env, id: plan.OutputID{Attempt: env.Attempt, Exchange: exchange}, typ: typ,
		buf: newBuffer[V](typ, env.Budget, "sort writer"), blocks: newBlockWriter(env),
		spills: spillFile{env: env},
	}
}

// KeepTogether says that rows whose keys begin alike belong to one partition: group
// returns how many bytes of a key matter.
func (w *SortWriter[V]) KeepTogether(group func(key []byte) int) { w.group = group }

// WeighKeys makes the writer report the heaviest keys, or groups of keys, in its
// output; text makes one readable for people, and may be nil.
func (w *SortWriter[V]) WeighKeys(text func(key []byte) string) {
	w.heavy, w.text = &heavyKeys{group: w.group}, text
}

// extraSortBytes is what sorting needs a row beyond the row itself: entries of
// 16 bytes, twice, its place in the order and its hash.
const extraSortBytes = 2*16 + 4 + 8

// Write adds n rows: their keys, and their payloads, values of V that stand
// stride bytes apart from payload on.
func (w *SortWriter[V]) Write(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	if w.env.Discard {
		return nil
	}
	if w.buf.large(w.env, keys, payload, stride, n) {
		return eachRow(w.buf, w.env, keys, payload, stride, n, w.add, w.addLarge)
	}
	return w.add(keys, payload, stride, n)
}

func (w *SortWriter[V]) add(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	if err := w.buf.add(keys, payload, stride, n); err != nil {
		return err
	}
	if w.buf.full(extraSortBytes) {
		return w.spill()
	}
	return nil
}

// Finish publishes the map output. It stops early when ctx is canceled.
func (w *SortWriter[V]) Finish(ctx context.Context) (plan.MapOutput, error) {
	defer w.Abort()
	if w.env.Discard {
		return plan.MapOutput{ID: w.id}, nil
	}
	if len(w.runs) > 0 {
		if err := w.spill(); err != nil {
			return plan.MapOutput{}, err
		}
	}
	var segments []store.Segment
	m, err := publish(w.env, w.id, 0, func(out *store.Writer) (_ []store.Segment, err error) {
		if len(w.runs) == 0 {
			segments, err = w.empty(out, 0, w.heavy)
		} else {
			segments, err = w.mergeRuns(ctx, out)
		}
		return segments, err
	})
	if err != nil {
		return plan.MapOutput{}, err
	}
	m.Samples = samples(segments, w.group)
	w.heavy.report(&m, w.text)
	return m, nil
}

// Abort frees what the writer holds; without a Finish before it nothing is published.
func (w *SortWriter[V]) Abort() {
	w.spills.close()
	w.runs = nil
	w.buf.release()
}

// spill writes the buffered rows as a sorted run.
func (w *SortWriter[V]) spill() error {
	if w.buf.len() == 0 {
		return nil
	}
	r, err := w.spills.write(func(out io.Writer, offset int64) ([]store.Segment, error) { return w.empty(out, offset, nil) })
	if err != nil {
		return err
	}
	w.runs = append(w.runs, r)
	return nil
}

// empty sorts the buffered rows and writes them to out, which stands at offset.
func (w *SortWriter[V]) empty(out io.Writer, offset int64, heavy *heavyKeys) ([]store.Segment, error) {
	if w.ordered {
		w.buf.inOrder()
	} else {
		w.buf.order = column.SortKeys(&w.buf.keys, w.buf.order[:0], &w.buf.sort)
	}
	s := sortedOutput[V]{out: out, offset: offset, heavy: heavy}
	kept := w.dropOthers(w.buf.order)
	err := s.write(w, kept)
	if len(s.segments) > 0 {
		w.buf.digest(&s.segments[0], kept)
	}
	w.buf.reset()
	return s.segments, err
}

// mergeRuns merges all runs into out, a part of the budget at a time.
func (w *SortWriter[V]) mergeRuns(ctx context.Context, out io.Writer) ([]store.Segment, error) {
	sources := make([]source, len(w.runs))
	for i, r := range w.runs {
		sources[i] = runSource(w.env, r)
	}
	s := sortedOutput[V]{out: out, heavy: w.heavy}
	f := funnel[V]{env: w.env, typ: w.typ}
	w.firsts.restart()
	err := f.merge(ctx, sources, true, func(m *Merge[V]) error { return s.drain(ctx, w, m) })
	if len(s.segments) > 0 {
		s.gather(w)
	}
	return s.segments, err
}

// sortedOutput writes rows that come in key order as blocks, a segment each.
// Where one block ends and the next begins depends on memory, so row digests of
// single ones could not be compared: the first has that of all rows.
type sortedOutput[V any] struct {
	out      io.Writer
	offset   int64
	segments []store.Segment
	heavy    *heavyKeys    // nil for a run, which is not the output
	kept     store.Segment // row digest of what drain wrote, but for large rows, if it left rows out
}

// gather makes the row digest of the first segment that of all rows of w's output:
// those of its runs, unless some were left out.
func (s *sortedOutput[V]) gather(w *SortWriter[V]) {
	all := s.kept
	for i := range s.segments {
		seg := &s.segments[i]
		if w.firsts != nil {
			all.Sum, all.Xor = all.Sum+seg.Sum, all.Xor^seg.Xor
		}
		seg.Sum, seg.Xor = 0, 0
	}
	if w.firsts == nil {
		for _, r := range w.runs {
			all.Sum, all.Xor = all.Sum+r.segments[0].Sum, all.Xor^r.segments[0].Xor
		}
	}
	s.segments[0].Sum, s.segments[0].Xor = all.Sum, all.Xor
}

// write writes the rows of w's buffer in the given order.
func (s *sortedOutput[V]) write(w *SortWriter[V], order []uint32) error {
	return blocks(&w.blocks, w.buf, order, func(stored []byte, rawBytes int, sel []uint32) error {
		seg := store.Segment{
			FirstKey: indexKey(w.buf.keys.At(int(sel[0]))), Offset: s.offset,
			StoredBytes: int64(len(stored)), RawBytes: int64(rawBytes), Rows: int64(len(sel)),
		}
		s.offset += seg.StoredBytes
		s.segments = append(s.segments, seg)
		s.heavy.block(&w.buf.keys, sel, seg.StoredBytes)
		_, err := s.out.Write(stored)
		return err
	})
}

// drainRows is how many rows of a merge are copied out of its inputs before
// they go to columns: enough that the work is done by column.
const drainRows = 256

// drain writes all rows of a merge, collecting a block's worth at a time in
// w's buffer. It copies rows before their input's next block is read.
func (s *sortedOutput[V]) drain(ctx context.Context, w *SortWriter[V], m *Merge[V]) error {
	var keys column.Keys
	rows := make([]V, 0, drainRows)
	var size int64
	for more := true; more; {
		more = m.Next()
		keep := more && w.firsts.keeps(m.Key())
		if keep && !m.Large() {
			keys.Add(m.Key())
			rows = append(rows, *m.Row())
			size += w.typ.Size(unsafe.Pointer(m.Row()))
		}
		apart := !more || m.Large()
		if n := len(rows); n == drainRows || n > 0 && (apart || keys.Size()+size >= blockBytes || m.lastOfBlock()) {
			if err := w.buf.add(&keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), n); err != nil {
				return err
			}
			keys.Reset()
			rows, size = rows[:0], 0
		}
		if w.buf.len() > 0 && (apart || w.buf.bytes() >= w.blocks.size) {
			if w.firsts != nil {
				w.buf.digestAll(&s.kept)
			}
			if err := s.write(w, w.buf.inOrder()); err != nil {
				return err
			}
			w.buf.reset()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if keep && apart {
			if err := s.copyLarge(m); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return m.Err()
}

// Bounds of the samples that a map output reports: enough to cut a partition
// to within a hundredth of an output, and never more than some kilobytes.
const (
	maxSamples     = 128
	maxSampleBytes = 64
)

// samples picks keys at about equal steps of stored bytes. A key is cut at
// maxSampleBytes: any string of bytes can be a boundary between keys, but those
// inside of a group.
func samples(segments []store.Segment, group func(key []byte) int) []plan.KeySample {
	boundary := func(key []byte) []byte {
		if group != nil {
			key = key[:group(key)]
		}
		return key[:min(len(key), maxSampleBytes)]
	}
	var total, since int64
	for _, s := range segments {
		total += s.StoredBytes
	}
	step := total / maxSamples
	var list []plan.KeySample
	for i, s := range segments {
		if i > 0 && since >= max(step, 1) {
			list = append(list, plan.KeySample{Key: boundary(s.FirstKey), Bytes: since})
			since = 0
		}
		since += s.StoredBytes
	}
	if len(segments) > 0 {
		// The bytes behind the last boundary count too; their key is a bound
		// that no smaller key reaches.
		last := segments[len(segments)-1]
		list = append(list, plan.KeySample{Key: boundary(last.FirstKey), Bytes: since})
	}
	return list
}
