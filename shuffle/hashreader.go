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
	r := newBlockReader[V](typ)
	var c chunk[V]
	open, stop := openAhead(ctx, env, p.Outputs, func(index store.Index) (from, end int64) { return bucketRange(index, p) })
	defer stop()
	for _, out := range p.Outputs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := readBuckets(ctx, open, out, p, &r, &c, count, use); err != nil {
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
func readBuckets[V any](ctx context.Context, open openFunc, out plan.MapOutput, p *plan.Partition, r *blockReader[V], c *chunk[V], count *Count, use func(*column.Keys, []V) error) error {
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
		stored, err := section.block()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			_, err = r.decode(stored, c)
		}
		if err != nil {
			return unreadable(out.ID, err)
		}
		count.Rows.Add(int64(len(c.rows)))
		count.Bytes.Add(int64(len(stored)))
		if err := use(&c.keys, c.rows); err != nil {
			return err
		}
	}
}
