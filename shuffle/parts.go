package shuffle

import (
	"context"
	"io"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// Parts splits keyed rows on local disk by their key's hash, so that what does
// not fit the budget at once can be worked off part by part. It uses bits of
// the hash that neither the exchange nor another level used. One goroutine
// uses it.
type Parts[V any] struct {
	b *buckets[V]
}

// The parts of a level, and the levels that have bits of their own: an exchange
// takes its buckets from the upper half of the hash, each level four more bits
// of the lower half.
const (
	PartsPerLevel = 1 << partBits
	PartLevels    = 32 / partBits

	partBits = 4
)

// NewParts returns a splitter into PartsPerLevel parts for one level of
// recursion, from 1 to PartLevels; typ is the type of V.
func NewParts[V any](env *Env, level int, typ *column.Type) *Parts[V] {
	return &Parts[V]{newBuckets[V](env, typ, PartsPerLevel, 32+(level-1)*partBits, "spill")}
}

// NewReplay returns a splitter into one part: rows without order by key that are
// read several times.
func NewReplay[V any](env *Env, typ *column.Type) *Parts[V] {
	return &Parts[V]{newBuckets[V](env, typ, 1, 0, "replay")}
}

// Write adds rows with their keys.
func (p *Parts[V]) Write(keys *column.Keys, rows []V) error {
	if len(rows) == 0 {
		return nil
	}
	return p.b.add(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

// Finish writes what is still in memory; Read may follow.
func (p *Parts[V]) Finish() error {
	if err := p.b.spill(); err != nil {
		return err
	}
	p.b.buf.release()
	return nil
}

// Read gives the rows of one part in the order in which they were written. use
// may keep the strings inside rows, but neither keys nor the slice.
func (p *Parts[V]) Read(ctx context.Context, part int, use func(keys *column.Keys, rows []V) error) error {
	r := newBlockReader[V](p.b.buf.typ)
	var c chunk[V]
	for _, run := range p.b.runs {
		for _, seg := range run.segments {
			if int(seg.Bucket) != part {
				continue
			}
			section := newSegmentReader(run.file, seg.Offset, seg.Offset+seg.StoredBytes)
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				_, err := r.next(p.b.env, section, &c)
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
				if err := use(&c.keys, c.rows); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Close deletes what is on disk.
func (p *Parts[V]) Close() { p.b.close() }
