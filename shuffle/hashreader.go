package shuffle

import (
	"context"
	"io"
	"sort"
	"sync/atomic"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Count counts what a reader has read so far, for progress.
type Count struct{ Rows, Bytes atomic.Int64 }

// ReadHash reads a partition of a hash or gather exchange: all rows of its
// buckets, map output after map output in the partition's order. use may keep
// the strings inside rows, but neither keys nor the slice.
func ReadHash[V any](ctx context.Context, env *Env, p *plan.Partition, typ *column.Type, count *Count, use func(keys *column.Keys, rows []V) error) error {
	return ReadHashLong(ctx, env, p, typ, count, use, nil)
}

// ReadHashLong is ReadHash that gives rows with long keys to long, one at a
// time, if long is not nil; it may keep the key.
func ReadHashLong[V any](ctx context.Context, env *Env, p *plan.Partition, typ *column.Type, count *Count, use func(keys *column.Keys, rows []V) error, long func(key *LongKey, row []V) error) error {
	r := newBlockReader[V](typ)
	var c chunk[V]
	open, stop := openAhead(ctx, env, p.Outputs, func(index store.Index) (from, end int64) { return bucketRange(index, p) })
	defer stop()
	for _, out := range p.Outputs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := readBuckets(ctx, env, open, out, p, &r, &c, count, use, long); err != nil {
			return err
		}
	}
	return nil
}

// bucketRange is where the partition's buckets lie in a map output.
func bucketRange(index store.Index, p *plan.Partition) (from, end int64) {
	segments := index.Segments
	first := sort.Search(len(segments), func(i int) bool { return int(segments[i].Bucket) >= p.FirstBucket })
	last := sort.Search(len(segments), func(i int) bool { return int(segments[i].Bucket) >= p.EndBucket })
	if first == last {
		return 0, 0
	}
	return segments[first].Offset, segments[last-1].Offset + segments[last-1].StoredBytes
}

// readBuckets reads the partition's buckets of one map output.
func readBuckets[V any](ctx context.Context, env *Env, open openFunc, out plan.MapOutput, p *plan.Partition, r *blockReader[V], c *chunk[V], count *Count, use func(*column.Keys, []V) error, long func(*LongKey, []V) error) error {
	src, err := open(ctx, out)
	if err != nil {
		return unreadable(out.ID, err)
	}
	defer src.Close()
	index, err := store.ReadIndex(src, out.Digest)
	if err != nil {
		return unreadable(out.ID, err)
	}
	from, end := bucketRange(index, p)
	if from == end {
		return nil
	}
	section := newSegmentReader(src, from, end)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var key *LongKey
		if long != nil {
			if key, err = longKeyOf(ctx, env, out, section); err != nil && err != io.EOF {
				return unreadable(out.ID, err)
			}
		}
		var stored int
		if key != nil {
			stored, err = r.readLong(key, section, c)
		} else {
			stored, err = r.next(env, section, c)
		}
		if err == io.EOF && key == nil {
			return nil
		}
		if err != nil {
			return unreadable(out.ID, err)
		}
		count.Rows.Add(int64(len(c.rows)))
		count.Bytes.Add(int64(stored))
		if key != nil {
			err = long(key, c.rows)
		} else {
			err = use(&c.keys, c.rows)
		}
		if err != nil {
			return err
		}
	}
}
