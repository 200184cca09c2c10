package shuffle

import (
	"context"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// openFunc opens map outputs, as Source.Open does.
type openFunc func(ctx context.Context, out plan.MapOutput) (store.Output, error)

// aheadSource is a Source that can fetch outputs before they are opened. They
// are opened in the order of outs; of each its index is read, then what part
// makes of it. stop is called when the last is closed.
type aheadSource interface {
	Ahead(ctx context.Context, outs []plan.MapOutput, part func(store.Index) (from, end int64)) (open func(context.Context, plan.MapOutput) (store.Output, error), stop func())
}

// openAhead returns how to open outs one after another.
func openAhead(ctx context.Context, env *Env, outs []plan.MapOutput, part func(store.Index) (from, end int64)) (open openFunc, stop func()) {
	if a, ok := env.Source.(aheadSource); ok {
		return a.Ahead(ctx, outs, part)
	}
	return env.Source.Open, func() {}
}

// expect tells an output that can read ahead what will be read of it, in order.
func expect(src any, from, end int64) {
	if o, ok := src.(interface{ Expect(from, end int64) }); ok {
		o.Expect(from, end)
	}
}
