package shuffle

import (
	"context"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// NewSequenceWriter returns a writer of rows that are written in the order of their
// keys: it has nothing to sort.
func NewSequenceWriter[V any](env *Env, exchange plan.ExchangeID, typ *column.Type) *SortWriter[V] {
	w := NewSortWriter[V](env, exchange, typ)
	w.ordered = true
	return w
}

// ReadSequence reads a partition of rows that keep the order of the input: use gets
// those of one map output after another. Only one is open at a time: merging them
// would take memory for each, and no two have rows in the same range.
func ReadSequence[V any](ctx context.Context, env *Env, p *plan.Partition, typ *column.Type, count *Count, use func(*Merge[V]) error) error {
	open, stop := openAhead(ctx, env, p.Outputs, func(store.Index) (from, end int64) { return 0, 0 })
	defer stop()
	f := funnel[V]{env: env, typ: typ}
	defer f.close()
	for _, out := range p.Outputs {
		s, rows, err := outputSource(ctx, env, open, out, p)
		if err != nil {
			return unreadable(out.ID, err)
		}
		if rows == 0 {
			continue
		}
		count.Bytes.Add(s.to - s.from)
		if err := f.open([]source{s}, use); err != nil {
			return err
		}
	}
	return nil
}
