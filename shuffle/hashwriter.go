package shuffle

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// HashWriter is the map side of a hash or gather exchange: it writes one map
// output whose rows lie in buckets of their key's hash. One goroutine uses it.
type HashWriter[V any] struct {
	id plan.OutputID
	b  *buckets[V]
}

// NewHashWriter returns a writer for one exchange of the attempt; typ is the
// type of V.
func NewHashWriter[V any](env *Env, exchange plan.ExchangeID, buckets int, typ *column.Type) *HashWriter[V] {
	return &HashWriter[V]{
		id: plan.OutputID{Attempt: env.Attempt, Exchange: exchange},
		b:  newBuckets[V](env, typ, buckets, 0, "shuffle writer"),
	}
}

// Write adds n rows: their keys, and their payloads, values of V that stand
// stride bytes apart from payload on.
func (w *HashWriter[V]) Write(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	return w.b.add(keys, payload, stride, n)
}

// Finish publishes the map output. It stops early when ctx is canceled.
func (w *HashWriter[V]) Finish(ctx context.Context) (plan.MapOutput, error) {
	defer w.b.close()
	if w.b.env.Discard {
		return plan.MapOutput{ID: w.id}, nil
	}
	if len(w.b.runs) > 0 {
		if err := w.b.spill(); err != nil {
			return plan.MapOutput{}, err
		}
	}
	return publish(w.b.env, w.id, w.b.count, func(out *store.Writer) ([]store.Segment, error) {
		if len(w.b.runs) > 0 {
			return w.b.gatherRuns(ctx, out)
		}
		return w.b.empty(out, 0)
	})
}

// Abort frees what the writer holds and publishes nothing.
func (w *HashWriter[V]) Abort() { w.b.close() }

// publish writes a map output by fill and publishes it with fill's segments.
func publish(env *Env, id plan.OutputID, buckets int, fill func(*store.Writer) ([]store.Segment, error)) (plan.MapOutput, error) {
	out, err := env.Store.Create(id)
	if err != nil {
		return plan.MapOutput{}, err
	}
	segments, err := fill(out)
	if err != nil {
		out.Abort()
		return plan.MapOutput{}, err
	}
	digest, stored, err := out.Publish(store.Index{Segments: segments})
	if err != nil {
		return plan.MapOutput{}, err
	}
	m := plan.MapOutput{ID: id, Digest: digest, Bytes: stored}
	if buckets > 0 {
		m.BucketBytes = make([]int64, buckets)
	}
	var sum, xor uint64
	for _, s := range segments {
		m.Rows += s.Rows
		m.RawBytes += s.RawBytes
		sum, xor = sum+s.Sum, xor^s.Xor
		if buckets > 0 {
			m.BucketBytes[s.Bucket] += s.StoredBytes
		}
	}
	m.RowDigest = fmt.Sprintf("%016x%016x", sum, xor)
	return m, nil
}
