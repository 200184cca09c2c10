package shuffle

import (
	"context"
	"io"
	"math/bits"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// buckets collects keyed rows by bucket. Rows stay in memory as they came;
// when the budget refuses more, one counting sort orders them by bucket and
// they go to a spill file as a run. Inside a bucket rows keep the order in
// which they were added.
type buckets[V any] struct {
	env    *Env
	buf    *buffer[V]
	blocks blockWriter
	count  int // of buckets
	// rotate is by how many bits a hash is turned before its upper ones select
	// the bucket: 0 for an exchange, other bits for each level of Parts.
	rotate int
	// numbered says that keys are the numbers of their buckets.
	numbered bool

	spills spillFile
	runs   []run
	starts []uint32 // scratch

	digests []digest // of the rows of each bucket; scratch
}

// digest is an order-independent digest of rows.
type digest struct{ sum, xor uint64 }

func newBuckets[V any](env *Env, typ *column.Type, count, rotate int, owner string) *buckets[V] {
	return &buckets[V]{
		env: env, buf: newBuffer[V](typ, env.Budget, owner), blocks: newBlockWriter(env),
		count: count, rotate: rotate, spills: spillFile{env: env}, starts: make([]uint32, count+1),
		digests: make([]digest, count),
	}
}

// extraBucketBytes is what emptying needs a row beyond the row itself: its
// bucket number, its place in the order and its hash.
const extraBucketBytes = 2 + 4 + 8

// add appends n rows.
func (b *buckets[V]) add(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	if b.env.Discard {
		return nil
	}
	if b.buf.large(b.env, keys, payload, stride, n) {
		return eachRow(b.buf, b.env, keys, payload, stride, n, b.addSmall, b.addLarge)
	}
	return b.addSmall(keys, payload, stride, n)
}

func (b *buckets[V]) addSmall(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	if err := b.buf.add(keys, payload, stride, n); err != nil {
		return err
	}
	for i := range n {
		b.buf.number = append(b.buf.number, uint16(b.bucketOf(keys.At(i))))
	}
	if b.buf.full(extraBucketBytes) {
		return b.spill()
	}
	return nil
}

func (b *buckets[V]) bucketOf(key []byte) int {
	if b.numbered {
		return plan.PartOfKey(key)
	}
	return column.Bucket(bits.RotateLeft64(column.HashKey(key), b.rotate), b.count)
}

// spill writes the buffered rows as a run.
func (b *buckets[V]) spill() error {
	if b.buf.len() == 0 {
		return nil
	}
	r, err := b.spills.write(func(w io.Writer, offset int64) ([]store.Segment, error) {
		return b.empty(w, offset)
	})
	if err != nil {
		return err
	}
	b.runs = append(b.runs, r)
	return nil
}

// empty writes the buffered rows to w, bucket after bucket, and returns a
// segment for every bucket that has rows. offset is where w stands.
func (b *buckets[V]) empty(w io.Writer, offset int64) ([]store.Segment, error) {
	b.sortByBucket()
	b.digestBuckets()
	var segments []store.Segment
	for i := range b.count {
		sel := b.buf.order[b.starts[i]:b.starts[i+1]]
		if len(sel) == 0 {
			continue
		}
		seg := store.Segment{Bucket: uint32(i), Offset: offset, Sum: b.digests[i].sum, Xor: b.digests[i].xor}
		err := blocks(&b.blocks, b.buf, sel, func(stored []byte, rawBytes int, sel []uint32) error {
			seg.StoredBytes += int64(len(stored))
			seg.RawBytes += int64(rawBytes)
			seg.Rows += int64(len(sel))
			_, err := w.Write(stored)
			return err
		})
		if err != nil {
			return nil, err
		}
		offset += seg.StoredBytes
		segments = append(segments, seg)
	}
	b.buf.reset()
	return segments, nil
}

// digestBuckets fills digests. It takes the rows in the order in which they lie
// in memory: by bucket, each hash would be a cache miss of its own.
func (b *buckets[V]) digestBuckets() {
	b.buf.hashRows()
	clear(b.digests)
	for i, n := range b.buf.number {
		d := &b.digests[n]
		d.sum += b.buf.hashes[i]
		d.xor ^= b.buf.hashes[i]
	}
}

// sortByBucket fills order with the buffered rows by bucket, and starts with
// where each bucket begins.
func (b *buckets[V]) sortByBucket() {
	clear(b.starts)
	for _, n := range b.buf.number {
		b.starts[n+1]++
	}
	for i := range b.count {
		b.starts[i+1] += b.starts[i]
	}
	if cap(b.buf.order) < len(b.buf.number) {
		b.buf.order = make([]uint32, len(b.buf.number))
	}
	b.buf.order = b.buf.order[:len(b.buf.number)]
	for i, n := range b.buf.number {
		b.buf.order[b.starts[n]] = uint32(i)
		b.starts[n]++
	}
	copy(b.starts[1:], b.starts[:b.count])
	b.starts[0] = 0
}

// gatherRuns copies all runs into w, bucket after bucket; blocks are
// self-contained, so they are copied as they are.
func (b *buckets[V]) gatherRuns(ctx context.Context, w io.Writer) ([]store.Segment, error) {
	var merged []store.Segment
	var offset int64
	next := make([]int, len(b.runs))
	for bucket := range uint32(b.count) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seg := store.Segment{Bucket: bucket, Offset: offset}
		for i := range b.runs {
			r := &b.runs[i]
			if next[i] == len(r.segments) || r.segments[next[i]].Bucket != bucket {
				continue
			}
			from := r.segments[next[i]]
			next[i]++
			n, err := io.Copy(w, io.NewSectionReader(r.file, from.Offset, from.StoredBytes))
			if err != nil {
				return nil, err
			}
			if n != from.StoredBytes {
				return nil, fault.New(fault.Corrupt, "spill file holds %d of %d bytes of bucket %d", n, from.StoredBytes, bucket)
			}
			seg.StoredBytes += from.StoredBytes
			seg.RawBytes += from.RawBytes
			seg.Rows += from.Rows
			seg.Sum += from.Sum
			seg.Xor ^= from.Xor
		}
		if seg.Rows > 0 {
			offset += seg.StoredBytes
			merged = append(merged, seg)
		}
	}
	return merged, nil
}

// close deletes the runs and gives the memory back.
func (b *buckets[V]) close() {
	b.spills.close()
	b.runs = nil
	b.buf.release()
}
